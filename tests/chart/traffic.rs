//! What the `NetworkPolicy` lets through, by Kubernetes' rules for it: allowed is what any rule allows.
//!
//! No network of ours carries policies out, so the text is judged.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::helm::{Helm, SERVED, only};

/// The other end of a connection.
#[derive(Clone, Copy)]
enum Peer {
    /// Outside of the cluster, or on a node.
    Address([u8; 4]),
    /// A pod of the namespace with this name, without labels of its own.
    PodIn(&'static str),
}

const DNS: Peer = Peer::PodIn("kube-system");
const INTERNET: Peer = Peer::Address([52, 94, 1, 2]);
const NODE: Peer = Peer::Address([10, 0, 3, 7]);
const POD_IDENTITY: Peer = Peer::Address([169, 254, 170, 23]);
const INSTANCE_METADATA: Peer = Peer::Address([169, 254, 169, 254]);

fn policy(values: &Value) -> Value {
    let documents = Helm::offline().render(values, SERVED).expect("rendered");
    only(&documents, "NetworkPolicy")["spec"].clone()
}

/// Whether a rule of the list (`egress` with `to`, `ingress` with `from`) lets it through.
fn allows(rules: &Value, peers: &str, peer: Peer, port: &Value, protocol: &str) -> bool {
    let rules = rules.as_array().expect("rules");
    rules.iter().any(|rule| {
        let goes = rule[peers]
            .as_array()
            .is_none_or(|all| all.iter().any(|one| is(one, peer)));
        let ports = rule["ports"]
            .as_array()
            .expect("every rule names its ports");
        let fits = |one: &Value| one["port"] == *port && one["protocol"] == protocol;
        goes && ports.iter().any(fits)
    })
}

/// Whether a peer of a rule is this one.
fn is(rule: &Value, peer: Peer) -> bool {
    match peer {
        Peer::Address(address) => rule["ipBlock"]["cidr"]
            .as_str()
            .is_some_and(|block| contains(block, address)),
        // A block is never meant for pods, whose addresses come and go.
        Peer::PodIn(namespace) => {
            let wanted = &rule["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"];
            rule["namespaceSelector"].is_object() && (wanted.is_null() || wanted == namespace)
        }
    }
}

fn contains(block: &str, address: [u8; 4]) -> bool {
    let (network, length) = block.split_once('/').expect("a block");
    let Ok(network) = network.parse::<Ipv4Addr>() else {
        return false;
    };
    let length: u32 = length.parse().expect("a number");
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    network.to_bits() & mask == u32::from_be_bytes(address) & mask
}

#[test]
fn the_operator_reaches_what_it_needs_and_nothing_else() {
    let policy = policy(&json!({ "networkPolicy": { "enabled": true } }));
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    let table = [
        (DNS, 53, "UDP", true),
        (DNS, 53, "TCP", true),
        (INTERNET, 443, "TCP", true),
        // The apiserver: by its Service's port, and where that leads.
        (NODE, 443, "TCP", true),
        (NODE, 6443, "TCP", true),
        (POD_IDENTITY, 80, "TCP", true),
        (INTERNET, 53, "UDP", false),
        (INTERNET, 80, "TCP", false),
        (INSTANCE_METADATA, 80, "TCP", false),
        (NODE, 10250, "TCP", false),
        (NODE, 2379, "TCP", false),
        (Peer::PodIn("shop"), 53, "UDP", false),
        (Peer::PodIn("shop"), 5432, "TCP", false),
    ];
    for (peer, port, protocol, goes) in table {
        let allowed = allows(&policy["egress"], "to", peer, &json!(port), protocol);
        assert_eq!(allowed, goes, "{port}/{protocol}");
    }
}

#[test]
fn its_metrics_are_reached_by_the_cluster_or_by_those_who_are_named_and_nothing_else_is() {
    let (shop, monitoring) = (Peer::PodIn("shop"), Peer::PodIn("monitoring"));
    let reaches = |policy: &Value, peer, port: &str| {
        allows(&policy["ingress"], "from", peer, &json!(port), "TCP")
    };
    let open = policy(&json!({ "networkPolicy": { "enabled": true } }));
    assert!(reaches(&open, shop, "metrics") && reaches(&open, monitoring, "metrics"));
    assert!(!reaches(&open, INTERNET, "metrics"));
    assert!(!reaches(&open, shop, "probes"));

    let from = json!([{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "monitoring" } } }]);
    let named = policy(&json!({ "networkPolicy": { "enabled": true, "metricsFrom": from } }));
    assert!(reaches(&named, monitoring, "metrics"));
    assert!(!reaches(&named, shop, "metrics"));

    let none =
        policy(&json!({ "networkPolicy": { "enabled": true }, "metrics": { "enabled": false } }));
    assert_eq!(none["ingress"], json!([]));
}
