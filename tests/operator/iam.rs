//! The printed IAM policy: enough for all that is in use, and nothing in it that is not
//! missed when it is taken away. Every other test of this suite runs with it, too.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use aws_sdk_cognitoidentity::Client;
use aws_sdk_cognitoidentity::error::ProvideErrorMetadata;
use harness::cognito::Outcome;
use harness::python;
use identity_pool_operator::api::IdentityPool;
use identity_pool_operator::aws::policy::{Uses, document};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::rig::{ACCESS_KEY, ACCOUNT, REGION, Rig, Setup, pool_id, restrict, uses};
use crate::start::{command, run};

const USER: &str = "arn:aws:iam::123456789012:role/user";
const GOOGLE: &str = "accounts.google.com";

/// What a user does that needs something of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Workload {
    /// A new object.
    Create,
    /// A look at its pool.
    Look,
    /// A new name.
    Rename,
    /// One tag less.
    DropTag,
    /// Default roles.
    SetRoles,
    /// Principal tags.
    SetTags,
    /// A pool of others, by its name.
    AdoptByName,
    /// A pool of others, by its id.
    Adopt,
    /// A pool of others whose roles are shown before.
    ShowRoles,
    /// A pool of others whose principal tags are shown before.
    ShowTags,
    /// The object goes, and with it the empty pool.
    Delete,
}

/// Statement, operation, and the workload that it is missed in.
const MISSED: &[(&str, &str, Workload)] = &[
    ("CreatePools", "CreateIdentityPool", Workload::Create),
    ("TagNewPools", "TagResource", Workload::Create),
    ("FindPools", "ListIdentityPools", Workload::AdoptByName),
    ("LookAtPools", "DescribeIdentityPool", Workload::Look),
    ("LookAtPools", "GetIdentityPoolRoles", Workload::ShowRoles),
    (
        "LookAtPools",
        "GetPrincipalTagAttributeMap",
        Workload::ShowTags,
    ),
    ("KeepOwnPools", "UpdateIdentityPool", Workload::Rename),
    ("KeepOwnPools", "TagResource", Workload::Rename),
    ("KeepOwnPools", "UntagResource", Workload::DropTag),
    ("KeepOwnPools", "GetIdentityPoolRoles", Workload::SetRoles),
    (
        "KeepOwnPools",
        "GetPrincipalTagAttributeMap",
        Workload::SetTags,
    ),
    ("GrantAccess", "SetIdentityPoolRoles", Workload::SetRoles),
    (
        "GrantAccess",
        "SetPrincipalTagAttributeMap",
        Workload::SetTags,
    ),
    ("PassRoles", "PassRole", Workload::SetRoles),
    ("DeleteOwnPools", "ListIdentities", Workload::Delete),
    ("DeleteOwnPools", "DeleteIdentityPool", Workload::Delete),
];

fn missed_by(sid: &str, action: &str) -> Workload {
    let row = MISSED.iter().find(|(statement, operation, _)| {
        *statement == sid && action.ends_with(&format!(":{operation}"))
    });
    row.unwrap_or_else(|| panic!("{sid}, {action}: no workload misses it"))
        .2
}

/// The object before.
fn before() -> Value {
    json!({
        "supportedLoginProviders": { GOOGLE: "x.apps.googleusercontent.com" },
        "identityPoolTags": { "team": "web", "old": "1" },
    })
}

impl Workload {
    /// An object that is to change.
    fn changes(self) -> bool {
        use Workload::{Delete, DropTag, Look, Rename, SetRoles, SetTags};
        matches!(self, Delete | DropTag | Look | Rename | SetRoles | SetTags)
    }

    /// Brings it about that a user can do it.
    async fn prepare(self, rig: &Rig, name: &str) -> Option<String> {
        if self.changes() {
            create(rig, name, before()).await;
            rig.until_ready(name).await;
            return None;
        }
        if self == Self::Create {
            return None;
        }
        let made = rig
            .console()
            .create_identity_pool()
            .identity_pool_name(name)
            .allow_unauthenticated_identities(false)
            .supported_login_providers(GOOGLE, "x.apps.googleusercontent.com")
            .send();
        Some(made.await.expect("a pool").identity_pool_id)
    }

    /// Does it.
    async fn act(self, rig: &Rig, name: &str, pool: Option<String>) {
        let roles = json!({ "authenticated": USER });
        let tags = json!([{ "identityProviderName": GOOGLE, "principalTags": { "team": "sub" } }]);
        let mut spec = before();
        spec["adopt"] = json!({ "identityPoolId": pool, "overwrite": true });
        match self {
            Self::Create => create(rig, name, before()).await,
            Self::Look => drop(rig.ask(name).await),
            Self::Rename => rig.set(name, "identityPoolName", &json!("renamed")).await,
            Self::DropTag => {
                let fewer = json!({ "team": "web" });
                rig.set(name, "identityPoolTags", &fewer).await;
            }
            Self::SetRoles => rig.set(name, "roles", &roles).await,
            Self::SetTags => rig.set(name, "principalTagAttributeMaps", &tags).await,
            Self::Delete => rig.delete(name).await,
            Self::AdoptByName => {
                spec["adopt"] = json!({ "identityPoolName": name, "overwrite": true });
                create(rig, name, spec).await;
            }
            Self::Adopt => create(rig, name, spec).await,
            Self::ShowRoles => {
                spec["roles"] = roles;
                create(rig, name, spec).await;
            }
            Self::ShowTags => {
                spec["principalTagAttributeMaps"] = tags;
                create(rig, name, spec).await;
            }
        }
    }

    /// Waits until it is done.
    async fn done(self, rig: &Rig, name: &str) {
        if self == Self::Delete {
            rig.until_gone(name).await;
        } else {
            rig.until_ready(name).await;
        }
    }
}

async fn create(rig: &Rig, name: &str, spec: Value) {
    rig.create(name, serde_json::from_value(spec).expect("a spec"))
        .await;
}

/// Statements and actions of a document.
fn parts(document: &Value) -> BTreeSet<(String, String)> {
    let statements = document["Statement"].as_array().expect("statements");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let of = |statement: &Value| -> Vec<(String, String)> {
        let actions = statement["Action"].as_array().expect("actions");
        let sid = text(&statement["Sid"]);
        actions
            .iter()
            .map(|action| (sid.clone(), text(action)))
            .collect()
    };
    statements.iter().flat_map(of).collect()
}

/// The document without an action, or without a whole statement.
fn without(document: &Value, sid: &str, action: Option<&str>) -> String {
    let mut document = document.clone();
    let statements = document["Statement"].as_array_mut().expect("statements");
    for statement in statements
        .iter_mut()
        .filter(|statement| statement["Sid"] == sid)
    {
        let actions = statement["Action"].as_array_mut().expect("actions");
        actions.retain(|each| action.is_some_and(|action| each != action));
    }
    statements.retain(|statement| statement["Action"] != json!([]));
    document.to_string()
}

fn give(rig: &Rig, document: &str) {
    let policy = document.parse().expect("a policy");
    rig.fake.configure(|settings| {
        settings.policies.insert(ACCESS_KEY.to_owned(), policy);
    });
}

/// All that is said in the conditions of an object.
fn said(object: &IdentityPool) -> String {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    conditions
        .map(|condition| condition.message.as_str())
        .collect()
}

/// Does a workload with less than it needs, sees it denied, and then done with everything.
async fn misses(rig: &Rig, [all, open]: [&Value; 2], less: &str, case: &Case<'_>) {
    let Case {
        name,
        what,
        names,
        workload,
    } = case;
    give(rig, &all.to_string());
    let pool = workload.prepare(rig, name).await;
    give(rig, less);
    rig.fake.reset_journal();
    workload.act(rig, name, pool).await;
    let denied = async {
        loop {
            let refused = |outcome: &Outcome| {
                let codes = ["AccessDeniedException", "NotAuthorizedException"];
                matches!(outcome, Outcome::Refused(code) if codes.contains(&code.as_str()))
            };
            if rig.fake.count_where(|call| refused(&call.outcome)) > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let denied = tokio::time::timeout(Duration::from_secs(20), denied).await;
    assert!(denied.is_ok(), "{what}: {workload:?} does not miss it");
    let patience = Duration::from_secs(20);
    let told = async {
        loop {
            let object = rig.pools.get(name).await.expect("there");
            let said = said(&object);
            if names.iter().any(|name| said.contains(name)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let told = tokio::time::timeout(patience, told).await;
    assert!(told.is_ok(), "{what}: status does not name {names:?}");
    give(rig, &open.to_string());
    rig.ask(name).await;
    workload.done(rig, name).await;
}

/// Something taken away.
struct Case<'a> {
    /// Of the object.
    name: &'a str,
    /// What is taken away.
    what: &'a str,
    /// One of these stands in status.
    names: &'a [&'a str],
    workload: Workload,
}

/// What AWS names when it denies an action.
fn named(action: &str) -> &str {
    if action == "iam:PassRole" {
        USER
    } else {
        action
    }
}

#[tokio::test]
async fn each_statement_and_each_action_is_missed_by_a_workload_when_it_is_taken_away() {
    let rig = Rig::new("least").await;
    let operator = rig
        .operator_with(Setup {
            allows_adoption: true,
            ..Setup::default()
        })
        .await;
    operator.listed().await;
    let read = |adoption: bool| -> Value {
        let installation = Some(rig.namespace.clone());
        let text = document(&Uses {
            adoption,
            installation,
            ..uses()
        })
        .expect("JSON");
        serde_json::from_str(&text).expect("JSON")
    };
    let (closed, open) = (read(false), read(true));
    let mut cases = 0;
    let known = parts(&closed);
    let more: BTreeSet<_> = parts(&open).difference(&known).cloned().collect();
    for (all, parts) in [(&closed, &known), (&open, &more)] {
        let mut whole = BTreeSet::new();
        for (sid, action) in parts {
            let workload = missed_by(sid, action);
            cases += 1;
            let case = Case {
                name: &format!("case-{cases}"),
                what: &format!("{sid} without {action}"),
                names: &[named(action)],
                workload,
            };
            misses(&rig, [all, &open], &without(all, sid, Some(action)), &case).await;
            if whole.insert(sid) {
                let every = self::parts(all);
                let of_it = every.iter().filter(|(of, _)| of == sid);
                let names: Vec<&str> = of_it.map(|(_, action)| named(action)).collect();
                let case = Case {
                    name: &format!("all-{cases}"),
                    what: &format!("no {sid}"),
                    names: &names,
                    workload,
                };
                misses(&rig, [all, &open], &without(all, sid, None), &case).await;
            }
        }
    }
    // Taking over needs no action more, but the tag call on a pool without owner.
    let case = Case {
        name: "adopt",
        what: "no TagNewPools",
        names: &["cognito-identity:TagResource"],
        workload: Workload::Adopt,
    };
    misses(
        &rig,
        [&open, &open],
        &without(&open, "TagNewPools", None),
        &case,
    )
    .await;
    assert!(cases >= 16, "{cases}");
}

#[tokio::test]
async fn the_default_is_enough_for_the_life_of_a_pool_without_roles() {
    let rig = Rig::new("default").await;
    let operator = rig.operator().await;
    operator.listed().await;
    restrict(&rig.fake, ACCESS_KEY, &Uses::default());
    let mut retained = before();
    retained["deletionPolicy"] = json!("Retain");
    create(&rig, "app", retained).await;
    rig.until_ready("app").await;
    for workload in [Workload::Rename, Workload::DropTag, Workload::Look] {
        workload.act(&rig, "app", None).await;
        rig.until_ready("app").await;
    }
    let kept = pool_id(&rig.until_ready("app").await);
    // Its record is lost, and it is searched for.
    operator.kill();
    rig.erase("app").await;
    let _operator = rig.operator_with(Setup::default()).await;
    restrict(&rig.fake, ACCESS_KEY, &Uses::default());
    assert_eq!(pool_id(&rig.until_ready("app").await), kept);
    rig.delete("app").await;
    rig.until_gone("app").await;
    let mut next = before();
    next["adopt"] = json!({ "previous": true });
    next["identityPoolName"] = json!("renamed");
    next["deletionPolicy"] = json!("DeleteIfEmpty");
    create(&rig, "app", next).await;
    assert_eq!(pool_id(&rig.until_ready("app").await), kept);
    rig.delete("app").await;
    rig.until_gone("app").await;
    assert!(rig.fake.pools().is_empty());
    let denied = |outcome: &Outcome| matches!(outcome, Outcome::Refused(_));
    assert_eq!(rig.fake.count_where(|call| denied(&call.outcome)), 0);
}

/// The code that AWS refuses a call with; panics where it does not.
macro_rules! refused {
    ($call:expr) => {{
        let error = $call.send().await.expect_err("it is let through");
        error
            .into_service_error()
            .code()
            .unwrap_or_default()
            .to_owned()
    }};
}

#[tokio::test]
async fn the_policy_keeps_the_credentials_from_the_pools_of_others() {
    let rig = Rig::new("fence").await;
    let tight = Uses {
        installation: Some("ours".to_owned()),
        regions: vec![REGION.to_owned()],
        roles: vec![format!("arn:aws:iam::{ACCOUNT}:role/apps/*")],
        ..uses()
    };
    restrict(&rig.fake, ACCESS_KEY, &tight);
    let client = Client::new(&rig.sdk_config(&Setup::default()));
    let owner = "cognito-identity.dev/owner";
    let denied = "AccessDeniedException";
    for tag in [Some("theirs/1"), None] {
        let tags = tag.map(|tag| json!({ owner: tag })).unwrap_or_default();
        let id = format!("{REGION}:{}", uuid::Uuid::now_v7());
        rig.fake.seed(
            json!({ "IdentityPoolId": id, "IdentityPoolTags": tags }),
            false,
        );
        let arn = format!("arn:aws:cognito-identity:{REGION}:{ACCOUNT}:identitypool/{id}");
        let update = client.update_identity_pool().identity_pool_id(&id);
        let update = update
            .identity_pool_name("x")
            .allow_unauthenticated_identities(true);
        assert_eq!(refused!(update), denied);
        assert_eq!(
            refused!(client.delete_identity_pool().identity_pool_id(&id)),
            denied
        );
        assert_eq!(
            refused!(
                client
                    .list_identities()
                    .identity_pool_id(&id)
                    .max_results(1)
            ),
            denied
        );
        assert_eq!(
            refused!(client.get_identity_pool_roles().identity_pool_id(&id)),
            denied
        );
        let untag = client.untag_resource().resource_arn(&arn);
        assert_eq!(refused!(untag.tag_keys(owner)), denied);
        let taken = client
            .tag_resource()
            .resource_arn(&arn)
            .tags(owner, "theirs/2");
        assert_eq!(refused!(taken), denied);
        let marked = client.tag_resource().resource_arn(&arn).tags("team", "a");
        assert_eq!(refused!(marked), denied);
        if tag.is_some() {
            let ours = client
                .tag_resource()
                .resource_arn(&arn)
                .tags(owner, "ours/1");
            assert_eq!(
                refused!(ours),
                denied,
                "what has an owner is not given another"
            );
        }
        client
            .describe_identity_pool()
            .identity_pool_id(&id)
            .send()
            .await
            .expect("a look");
    }
    let make = |owned: &str| {
        let create = client.create_identity_pool().identity_pool_name("x");
        create
            .allow_unauthenticated_identities(false)
            .identity_pool_tags(owner, owned)
    };
    assert_eq!(refused!(make("theirs/1")), denied);
    let bare = client.create_identity_pool().identity_pool_name("x");
    assert_eq!(
        refused!(bare.allow_unauthenticated_identities(false)),
        denied
    );
    let ours = make("ours/1")
        .send()
        .await
        .expect("a pool")
        .identity_pool_id;
    let roles = |role: &str| {
        let set = client.set_identity_pool_roles().identity_pool_id(&ours);
        set.roles(
            "authenticated",
            format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
        )
    };
    assert_eq!(refused!(roles("admin")), "NotAuthorizedException");
    roles("apps/user")
        .send()
        .await
        .expect("a role that may be passed");
    let elsewhere = rig.sdk_config(&Setup::default()).into_builder();
    let region = aws_sdk_cognitoidentity::config::Region::new("us-east-1");
    let elsewhere = Client::new(&elsewhere.region(region).build());
    assert_eq!(
        refused!(elsewhere.list_identity_pools().max_results(1)),
        denied
    );
}

/// What parliament, which knows AWS's service authorization reference, finds in a policy.
async fn findings(policy: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/harness/python");
    let requirements = folder.join("parliament.txt");
    let python = tokio::task::spawn_blocking(move || python::venv("parliament", &requirements));
    let python = python
        .await
        .expect("no panic")
        .expect("parliament is installed");
    let mut process = tokio::process::Command::new(python)
        .arg(folder.join("parliament_check.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it runs");
    let mut input = process.stdin.take().expect("a pipe");
    input.write_all(policy.as_bytes()).await.expect("read");
    drop(input);
    let output = process.wait_with_output().await.expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn every_action_resource_and_condition_key_exists_in_aws() {
    let open = Uses {
        installation: Some("ours".to_owned()),
        regions: vec![REGION.to_owned(), "us-east-1".to_owned()],
        adoption: true,
        ..uses()
    };
    for uses in [Uses::default(), uses(), open.clone()] {
        assert_eq!(
            findings(&document(&uses).expect("JSON")).await,
            "",
            "{uses:?}"
        );
    }
    let text = document(&open).expect("JSON");
    for (right, wrong) in [
        ("DescribeIdentityPool", "DescribePool"),
        ("aws:RequestTag/", "aws:RequstTag/"),
        ("\"*\"", "\"arn:aws:s3:::x\""),
    ] {
        let found = findings(&text.replace(right, wrong)).await;
        assert!(!found.is_empty(), "{wrong} is not found");
    }
}

#[tokio::test]
async fn iam_policy_prints_what_its_flags_say() {
    let print = async |flags: &[&str]| {
        let arguments = [&["iam-policy"][..], flags].concat();
        run(
            command(Path::new("/nonexistent"), "http://127.0.0.1:1"),
            &arguments,
        )
        .await
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let least = print(&[]).await;
    assert_eq!(
        text(&least.stdout),
        document(&Uses::default()).expect("JSON")
    );
    let role = "arn:aws-cn:iam::123456789012:role/apps/*";
    let roles = format!("--pass-roles={role},{role}2");
    let all = print(&[
        "--installation-id=ours",
        "--region=cn-north-1",
        "--account-id=123456789012",
        "--partition=aws-cn",
        &roles,
        &format!("--assume-roles={role}"),
        "--principal-tags",
        "--allow-adoption",
        "--deletion=false",
    ])
    .await;
    let expected = Uses {
        partition: "aws-cn".to_owned(),
        account_id: Some(ACCOUNT.to_owned()),
        regions: vec!["cn-north-1".to_owned()],
        installation: Some("ours".to_owned()),
        roles: vec![role.to_owned(), format!("{role}2")],
        class_roles: vec![role.to_owned()],
        principal_tags: true,
        adoption: true,
        deletion: false,
    };
    assert_eq!(text(&all.stdout), document(&expected).expect("JSON"));
    for (flag, says) in [
        ("--pass-roles=*", "not for all roles"),
        ("--region=ireland", "eu-west-1"),
        ("--account-id=12", "twelve digits"),
        ("--partition=azure", "aws-cn"),
        ("--installation-id=a/b", "tag"),
    ] {
        let refused = print(&[flag]).await;
        assert_eq!(refused.status.code(), Some(2), "{flag}");
        let said = text(&refused.stderr);
        assert!(said.lines().count() == 1 && said.contains(says), "{said}");
    }
}
