//! Classes: several accounts and regions, roles that are assumed, and what changes when a class does.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::cognito::{AssumableRole, Call, Outcome};
use identity_pool_operator::api::{IdentityPoolClass, IdentityPoolSpec};
use identity_pool_operator::aws::policy::{Uses, document};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::rig::{CLASS_LABEL, REGION, Rig, Running, Setup, condition, message};

/// Two further accounts.
pub(crate) const SHOPS: &str = "111111111111";
const BANKS: &str = "222222222222";

pub(crate) fn role_of(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/identity-pools")
}

fn spec(value: Value) -> IdentityPoolSpec {
    serde_json::from_value(value).expect("a spec")
}

fn classes(rig: &Rig) -> Api<IdentityPoolClass> {
    Api::all(rig.client.clone())
}

impl Rig {
    /// Starts an operator that looks after the classes of this test.
    pub(crate) async fn operator_of_classes(&self) -> Running {
        let setup = Setup {
            classes: true,
            ..Setup::default()
        };
        let operator = self.operator_with(setup).await;
        operator.listed().await;
        operator
    }

    /// The full name of a class of this test.
    pub(crate) fn class_name(&self, name: &str) -> String {
        format!("{}-{name}", self.namespace)
    }

    /// Makes a class that takes this namespace.
    pub(crate) async fn class(&self, name: &str, mut spec: Value) -> String {
        let own = json!({ "matchLabels": { "kubernetes.io/metadata.name": self.namespace } });
        let fields = spec.as_object_mut().expect("an object");
        fields.entry("allowedNamespaces").or_insert(own);
        let name = self.class_name(name);
        let spec = serde_json::from_value(spec).expect("a class");
        let mut class = IdentityPoolClass::new(&name, spec);
        class
            .labels_mut()
            .insert(CLASS_LABEL.into(), self.namespace.clone());
        let created = classes(self).create(&PostParams::default(), &class).await;
        created.expect("a class");
        name
    }

    async fn patch_class(&self, name: &str, patch: Value) {
        let (api, params, patch) = (classes(self), PatchParams::default(), Patch::Merge(patch));
        api.patch(name, &params, &patch)
            .await
            .expect("a legal patch");
    }

    /// Waits until a class has a condition, as `True/ClassUsable`.
    async fn until_class(&self, name: &str, kind: &str, wanted: &str) -> IdentityPoolClass {
        let mut last = String::new();
        let met = async {
            loop {
                let class = classes(self).get(name).await.expect("the class");
                let conditions = class.status.clone().unwrap_or_default().conditions;
                let found = conditions.iter().find(|found| found.type_ == kind);
                if found.is_some_and(|found| format!("{}/{}", found.status, found.reason) == wanted)
                {
                    return class;
                }
                last = format!("{:#?}", class.status);
                self.pause().await;
            }
        };
        let met = tokio::time::timeout(Duration::from_secs(60), met).await;
        met.unwrap_or_else(|_| panic!("{name} is never {wanted}: {last}"))
    }

    /// Makes a role assumable.
    pub(crate) fn trust(&self, account: &str, role: AssumableRole) {
        self.fake.configure(|settings| {
            settings.roles.insert(role_of(account), role);
        });
    }

    fn calls_in(&self, account: &str) -> Vec<Call> {
        let mut calls = self.fake.calls();
        calls.retain(|call| call.account == account);
        calls
    }
}

fn with_external_id(id: &str) -> AssumableRole {
    AssumableRole {
        external_id: Some(id.to_owned()),
        trusted_accounts: BTreeSet::from([crate::rig::ACCOUNT.to_owned()]),
        ..AssumableRole::default()
    }
}

/// Two classes in two accounts and two regions, by roles with external ids.
async fn two_accounts(rig: &Rig) -> (String, String) {
    rig.trust(SHOPS, with_external_id("shops-id"));
    rig.trust(BANKS, with_external_id("banks-id"));
    let guardrails = json!({ "allowClassicFlow": true, "allowDeletion": true });
    let shops = json!({
        "roleARN": role_of(SHOPS), "externalId": "shops-id", "guardrails": guardrails,
    });
    let banks = json!({
        "roleARN": role_of(BANKS), "externalId": "banks-id", "region": "eu-central-1",
        "guardrails": guardrails,
    });
    (
        rig.class("shops", shops).await,
        rig.class("banks", banks).await,
    )
}

#[tokio::test]
async fn two_accounts_in_two_regions_are_served_by_roles_and_one_that_is_throttled_leaves_the_other()
 {
    let rig = Rig::new("two-accounts").await;
    let (shops, banks) = two_accounts(&rig).await;
    let operator = rig.operator_of_classes().await;
    for (name, class) in [("shop", &shops), ("bank", &banks)] {
        rig.create(name, spec(json!({ "className": class }))).await;
    }
    for (name, account, region) in [("shop", SHOPS, REGION), ("bank", BANKS, "eu-central-1")] {
        let status = rig.until_ready(name).await.status.expect("a status");
        assert_eq!(status.account_id.as_deref(), Some(account));
        assert_eq!(status.region.as_deref(), Some(region));
        let arn = status.identity_pool_arn.expect("an ARN");
        assert!(arn.contains(&format!(":{region}:{account}:")), "{arn}");
        let created = rig.calls_in(account);
        let created = created
            .iter()
            .filter(|call| call.operation == "CreateIdentityPool");
        assert_eq!(
            created.map(|call| call.region.as_str()).collect::<Vec<_>>(),
            [region]
        );
    }
    let sessions = rig.fake.sessions();
    let of_shop = sessions
        .iter()
        .find(|session| session.name == format!("{}-shop", rig.namespace));
    let of_shop = of_shop.expect("a session that names its object");
    assert_eq!(of_shop.account(), SHOPS);
    assert_eq!(of_shop.tags["namespace"], rig.namespace);
    assert_eq!(of_shop.tags["name"], "shop");
    assert_eq!(of_shop.tags["installation"], rig.namespace);
    for class in [&shops, &banks] {
        let class = rig.until_class(class, "Ready", "True/ClassUsable").await;
        let status = class.status.expect("a status");
        assert!(
            status
                .identity_arn
                .is_some_and(|arn| arn.contains("assumed-role/identity-pools"))
        );
        assert!(class.metadata.finalizers.is_some(), "it is held");
    }

    // One account gets no call through any more.
    rig.fake.configure(|settings| {
        settings.account_rates.insert(BANKS.to_owned(), 0.0);
    });
    rig.fake.reset_journal();
    for name in ["bank", "shop"] {
        rig.set(name, "allowClassicFlow", &json!(true)).await;
    }
    rig.until_ready("shop").await;
    rig.until("bank", "the throttle", |status| {
        condition(status, "Ready").ends_with("/Throttled")
    })
    .await;
    for name in ["a", "b", "c"] {
        rig.create(name, spec(json!({ "className": shops }))).await;
        rig.until_ready(name).await;
    }
    let refused = |call: &Call| matches!(call.outcome, Outcome::Refused(_));
    assert!(
        !rig.calls_in(SHOPS).iter().any(refused),
        "{:#?}",
        rig.calls_in(SHOPS)
    );
    assert_eq!(rig.fake.count("CreateIdentityPool"), 3);
    rig.fake
        .configure(|settings| settings.account_rates.clear());
    rig.ask("bank").await;
    rig.until_ready("bank").await;
    rig.fake.assert_sound();
    operator.stop().await;
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_told_and_once_it_can_be_nobody_has_to_do_anything() {
    let rig = Rig::new("not-assumable").await;
    rig.trust(SHOPS, with_external_id("right"));
    let class = json!({ "roleARN": role_of(SHOPS), "externalId": "wrong-canary" });
    let class = rig.class("shops", class).await;
    let operator = rig.operator_of_classes().await;
    rig.create("shop", spec(json!({ "className": class })))
        .await;
    let object = rig
        .until_condition("shop", "Stalled", "True/RoleNotAssumable")
        .await;
    let told = message(&object, "Ready");
    for part in [
        "AccessDenied",
        "trust policy",
        "sts:TagSession",
        "external id",
        &role_of(SHOPS),
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(
        !told.contains("canary"),
        "an external id is not shown: {told}"
    );
    let told = rig
        .until_class(&class, "Ready", "False/RoleNotAssumable")
        .await;
    let status = told.status.expect("a status");
    assert!(
        status
            .last_error
            .is_some_and(|error| error.contains("AccessDenied"))
    );
    assert_eq!(rig.fake.count("CreateIdentityPool"), 0);
    rig.patch_class(&class, json!({ "spec": { "externalId": "right" } }))
        .await;
    rig.until_ready("shop").await;
    rig.until_class(&class, "Ready", "True/ClassUsable").await;
    operator.stop().await;
}

#[tokio::test]
async fn without_its_own_permission_the_operator_assumes_no_role_however_it_is_trusted() {
    let rig = Rig::new("may-not-assume").await;
    rig.trust(SHOPS, AssumableRole::default());
    let class = rig
        .class("shops", json!({ "roleARN": role_of(SHOPS) }))
        .await;
    let operator = rig.operator_of_classes().await;
    for action in ["sts:AssumeRole", "sts:TagSession"] {
        let uses = Uses {
            class_roles: vec![role_of(SHOPS)],
            ..crate::rig::uses()
        };
        let printed = document(&uses).expect("JSON");
        let less = printed.replace(action, "sts:DecodeAuthorizationMessage");
        assert_ne!(less, printed);
        rig.fake.configure(|settings| {
            let policy = less.parse().expect("IAM takes it");
            settings
                .policies
                .insert(crate::rig::ACCESS_KEY.to_owned(), policy);
        });
        let name = action.trim_start_matches("sts:").to_lowercase();
        let patch = json!({ "spec": { "externalId": name } });
        rig.patch_class(&class, patch).await;
        rig.until_class(&class, "Ready", "False/RoleNotAssumable")
            .await;
        rig.create(&name, spec(json!({ "className": class }))).await;
        let object = rig
            .until_condition(&name, "Stalled", "True/RoleNotAssumable")
            .await;
        assert!(message(&object, "Ready").contains("the operator's own policy"));
    }
    assert_eq!(rig.fake.count("CreateIdentityPool"), 0);
    operator.stop().await;
}

#[tokio::test]
async fn an_external_id_comes_from_a_secret_of_the_operator_and_is_missed_by_name() {
    let rig = Rig::new("external-id").await;
    rig.trust(SHOPS, with_external_id("secret-canary"));
    let name = rig.class_name("ids");
    let from = json!({ "secretKeyRef": { "name": name, "key": "shops" } });
    let class = json!({ "roleARN": role_of(SHOPS), "externalIdFrom": from });
    let class = rig.class("shops", class).await;
    let operator = rig.operator_of_classes().await;
    rig.create("shop", spec(json!({ "className": class })))
        .await;
    let object = rig
        .until_condition("shop", "Stalled", "True/InvalidClass")
        .await;
    let told = message(&object, "Ready");
    assert!(
        told.contains("spec.externalIdFrom.secretKeyRef") && told.contains(&name),
        "{told}"
    );
    // The namespace of an operator in a test is the kubeconfig's.
    let secrets: Api<Secret> = Api::default_namespaced(rig.client.clone());
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name },
        "stringData": { "shops": "secret-canary" },
    });
    let secret = serde_json::from_value(secret).expect("a secret");
    secrets
        .create(&PostParams::default(), &secret)
        .await
        .expect("created");
    let object = rig.until_ready("shop").await;
    assert!(!format!("{:?}", object.status).contains("canary"));
    secrets
        .delete(&name, &DeleteParams::default())
        .await
        .expect("deleted");
    operator.stop().await;
}

#[tokio::test]
async fn a_class_of_another_account_moves_no_pool_and_no_pool_is_touched_there() {
    let rig = Rig::new("class-moves").await;
    let (shops, banks) = two_accounts(&rig).await;
    let operator = rig.operator_of_classes().await;
    rig.create(
        "shop",
        spec(json!({ "className": shops, "deletionPolicy": "Delete" })),
    )
    .await;
    rig.until_ready("shop").await;
    rig.fake.reset_journal();
    // By the object, and by the class.
    rig.set("shop", "className", &json!(banks)).await;
    rig.until_condition("shop", "Stalled", "True/AccountMismatch")
        .await;
    rig.set("shop", "className", &json!(shops)).await;
    rig.until_ready("shop").await;
    let elsewhere = json!({ "spec": { "roleARN": role_of(BANKS), "externalId": "banks-id" } });
    rig.patch_class(&shops, elsewhere).await;
    rig.until("shop", "the mismatch", |status| {
        condition(status, "Stalled") == "True/AccountMismatch"
    })
    .await;
    rig.delete("shop").await;
    rig.until_condition("shop", "Stalled", "True/AccountMismatch")
        .await;
    let in_banks = rig.calls_in(BANKS);
    let of_pools = |call: &&Call| {
        !["ListIdentityPools", "GetCallerIdentity"].contains(&call.operation.as_str())
    };
    assert_eq!(in_banks.iter().filter(of_pools).count(), 0, "{in_banks:#?}");
    let back = json!({ "spec": { "roleARN": role_of(SHOPS), "externalId": "shops-id" } });
    rig.patch_class(&shops, back).await;
    rig.until_gone("shop").await;
    assert!(rig.fake.pools().is_empty());
    rig.fake.assert_sound();
    operator.stop().await;
}

#[tokio::test]
async fn a_changed_default_tag_is_one_update_for_each_pool_and_nothing_for_others() {
    const POOLS: usize = 60;
    let rig = Rig::new("default-tag").await;
    let tags = |value: &str| json!({ "defaults": { "identityPoolTags": { "cost": value } } });
    let class = rig.class("shops", tags("1")).await;
    let other = rig.class("other", json!({})).await;
    let operator = rig.operator_of_classes().await;
    for n in 0..POOLS {
        rig.create(&format!("app-{n}"), spec(json!({ "className": class })))
            .await;
    }
    rig.create("other", spec(json!({ "className": other })))
        .await;
    rig.create("unclassed", spec(json!({}))).await;
    for n in 0..POOLS {
        rig.until_ready(&format!("app-{n}")).await;
    }
    for name in ["other", "unclassed"] {
        rig.until_ready(name).await;
    }
    rig.fake.reset_journal();
    rig.patch_class(&class, json!({ "spec": tags("2") })).await;
    let tagged = async {
        let has = |pool: &Value| pool["IdentityPoolTags"]["cost"] == "2";
        while rig.fake.pools().iter().filter(|pool| has(pool)).count() < POOLS {
            rig.pause().await;
        }
    };
    let tagged = tokio::time::timeout(Duration::from_secs(60), tagged).await;
    tagged.expect("all pools have the tag");
    for n in 0..POOLS {
        rig.look(&format!("app-{n}")).await;
    }
    assert_eq!(rig.fake.count("UpdateIdentityPool"), POOLS);
    let mutating = [
        "CreateIdentityPool",
        "TagResource",
        "UntagResource",
        "SetIdentityPoolRoles",
    ];
    for operation in mutating {
        assert_eq!(rig.fake.count(operation), 0, "{operation}");
    }
    rig.until_class(&class, "Ready", "True/ClassUsable").await;
    operator.stop().await;
}

#[tokio::test]
async fn a_guardrail_that_is_taken_away_is_felt_within_seconds_and_given_back_too() {
    let rig = Rig::new("revoked").await;
    let role = format!("arn:aws:iam::{}:role/shop", crate::rig::ACCOUNT);
    let strips = json!({ "onRevocation": "StripRoles", "guardrails": { "roleARNs": [role] } });
    let class = rig.class("shops", strips).await;
    let operator = rig.operator_of_classes().await;
    let of = json!({ "className": class, "roles": { "authenticated": role } });
    rig.create("shop", spec(of)).await;
    rig.until_ready("shop").await;
    rig.patch_class(
        &class,
        json!({ "spec": { "guardrails": { "roleARNs": null } } }),
    )
    .await;
    let denied = rig
        .until("shop", "the denial", |status| {
            condition(status, "Stalled") == "True/DeniedByClass"
        })
        .await;
    let told = message(&denied, "Ready");
    for part in [
        "roleARNs",
        "spec.roles.authenticated",
        "has no roles any more",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let set = rig.fake.calls();
    let set = set
        .iter()
        .rfind(|call| call.operation == "SetIdentityPoolRoles");
    assert_eq!(set.expect("a call").request["Roles"], json!({}));
    rig.patch_class(
        &class,
        json!({ "spec": { "guardrails": { "roleARNs": [role] } } }),
    )
    .await;
    rig.until("shop", "peace", |status| {
        condition(status, "Ready") == "True/InSync"
    })
    .await;

    // The same by the namespace's labels.
    let elsewhere = json!({ "matchLabels": { "kubernetes.io/metadata.name": "elsewhere" } });
    rig.patch_class(
        &class,
        json!({ "spec": { "allowedNamespaces": elsewhere } }),
    )
    .await;
    rig.until("shop", "the refusal", |status| {
        condition(status, "Stalled") == "True/ClassNotAllowed"
    })
    .await;
    let labelled =
        json!({ "matchLabels": { "kubernetes.io/metadata.name": null, "offers": "shops" } });
    rig.patch_class(&class, json!({ "spec": { "allowedNamespaces": labelled } }))
        .await;
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(rig.client.clone());
    let label = Patch::Merge(json!({ "metadata": { "labels": { "offers": "shops" } } }));
    let patched = namespaces
        .patch(&rig.namespace, &PatchParams::default(), &label)
        .await;
    patched.expect("a label");
    rig.until("shop", "peace", |status| {
        condition(status, "Ready") == "True/InSync"
    })
    .await;
    operator.stop().await;
}

#[tokio::test]
async fn a_class_that_is_used_stays_until_nobody_uses_it() {
    let rig = Rig::new("class-in-use").await;
    let class = rig
        .class("shops", json!({ "guardrails": { "allowDeletion": true } }))
        .await;
    let operator = rig.operator_of_classes().await;
    rig.create("shop", spec(json!({ "className": class })))
        .await;
    rig.until_ready("shop").await;
    rig.until_class(&class, "Ready", "True/ClassUsable").await;
    classes(&rig)
        .delete(&class, &DeleteParams::default())
        .await
        .expect("deleted");
    let told = async {
        loop {
            let class = classes(&rig).get(&class).await.expect("it stays");
            let status = class.status.unwrap_or_default();
            if status
                .conditions
                .iter()
                .any(|told| told.message.contains("1 objects use it"))
            {
                return;
            }
            rig.pause().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told)
        .await
        .expect("it is told why");
    rig.set("shop", "identityPoolName", &json!("still-served"))
        .await;
    rig.until_ready("shop").await;
    rig.delete("shop").await;
    rig.until_gone("shop").await;
    let gone = async {
        while classes(&rig)
            .get_opt(&class)
            .await
            .expect("an answer")
            .is_some()
        {
            rig.pause().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .expect("it goes");
    operator.stop().await;
}

#[tokio::test]
async fn objects_without_a_class_are_of_the_default_one_and_of_none_where_there_are_two() {
    let rig = Rig::new("default-class").await;
    let (shops, _) = two_accounts(&rig).await;
    let banks = rig.class_name("banks");
    let default = |is: Value| json!({ "metadata": { "annotations": { "cognito-identity.dev/is-default-class": is } } });
    rig.patch_class(&shops, default(json!("true"))).await;
    let operator = rig.operator_of_classes().await;
    rig.create("shop", spec(json!({}))).await;
    let status = rig.until_ready("shop").await.status.expect("a status");
    assert_eq!(status.account_id.as_deref(), Some(SHOPS));
    rig.create("named", spec(json!({ "className": banks })))
        .await;
    rig.until_ready("named").await;

    rig.patch_class(&banks, default(json!("true"))).await;
    let stalled = "True/SeveralDefaultClasses";
    let object = rig
        .until("shop", stalled, |status| {
            condition(status, "Stalled") == stalled
        })
        .await;
    for class in [&shops, &banks] {
        assert!(message(&object, "Ready").contains(class.as_str()));
        let told = rig
            .until_class(class, "Default", "False/SeveralDefaultClasses")
            .await;
        let told = told.status.expect("a status").conditions;
        let told = told
            .iter()
            .find(|told| told.type_ == "Default")
            .expect("it");
        assert!(told.message.contains(&shops) && told.message.contains(&banks));
    }
    rig.look("named").await;
    rig.until_ready("named").await;
    rig.patch_class(&banks, default(Value::Null)).await;
    rig.until("shop", "peace", |status| {
        condition(status, "Ready") == "True/InSync"
    })
    .await;
    rig.until_class(&shops, "Default", "True/ClassUsable").await;
    operator.stop().await;
}

#[tokio::test]
async fn an_operator_may_refuse_objects_without_a_class_and_unknown_ones_wait_for_theirs() {
    let rig = Rig::new("require-class").await;
    let setup = Setup {
        classes: true,
        requires_class: true,
        ..Setup::default()
    };
    let operator = rig.operator_with(setup).await;
    operator.listed().await;
    rig.create("bare", spec(json!({}))).await;
    let object = rig
        .until_condition("bare", "Stalled", "True/ClassRequired")
        .await;
    assert!(message(&object, "Ready").contains("--require-class"));
    let late = rig.class_name("late");
    rig.create("early", spec(json!({ "className": late })))
        .await;
    let object = rig
        .until_condition("early", "Stalled", "True/UnknownClass")
        .await;
    assert!(message(&object, "Ready").contains(&late));
    assert_eq!(rig.fake.count("CreateIdentityPool"), 0);
    rig.class("late", json!({})).await;
    rig.until_ready("early").await;
    operator.stop().await;
}

#[tokio::test]
async fn sessions_that_end_are_renewed_and_cost_no_pool_its_readiness() {
    let rig = Rig::new("sessions").await;
    let short = AssumableRole {
        lasts: Duration::from_secs(2),
        ..AssumableRole::default()
    };
    rig.trust(SHOPS, short);
    let class = rig
        .class("shops", json!({ "roleARN": role_of(SHOPS) }))
        .await;
    let operator = rig.operator_of_classes().await;
    rig.create("shop", spec(json!({ "className": class })))
        .await;
    let before = rig.until_ready("shop").await;
    let ready = |object: &identity_pool_operator::api::IdentityPool| {
        let conditions = object.status.clone().unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|told| told.type_ == "Ready");
        ready.expect("Ready").last_transition_time
    };
    let opened = rig.fake.sessions().len();
    let mut after = before.clone();
    while rig.fake.sessions().len() < opened + 3 {
        after = rig.look("shop").await;
    }
    assert_eq!(ready(&before), ready(&after), "it was Ready all the time");
    operator.stop().await;
}
