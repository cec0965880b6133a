//! What the operator keeps on the object is well-formed and wrong: forged, restored, or another
//! object's. Nothing is written to a pool that is not this object's, no second pool is made, and
//! what can be derived anew is.

use std::sync::Arc;
use std::time::Instant;

use identity_pool_operator::api::IdentityPool;
use identity_pool_operator::api::names::{CLAIM_ANNOTATION, FINALIZER, OWNER_TAG};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde_json::{Value, json};
use uuid::{NoContext, Uuid};

use crate::case::{Case, Played};
use crate::rig::{condition, pool_id};
use crate::workloads::living_as;
use crate::world::{APP, Stage, World};

const KIND: &str = "corruption";
const OTHER: &str = "other";

/// What becomes of an object whose record is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As it was before.
    Healed,
    /// It says that a person has to look, and changes nothing.
    Stalled(&'static str),
}

/// When the record goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Under a living operator, which is then asked for a look.
    Alive,
    /// While none runs.
    Down,
    /// While none runs, and the spec is edited as well.
    Edited,
    /// While none runs, and the object is deleted as well.
    Deleted,
}

/// The pools and the object of a case, for what is forged out of them.
struct Scene {
    own: String,
    others: String,
    nobodys: String,
    elsewhere: String,
    object: IdentityPool,
}

/// A patch of the object, and one of its status.
type Forge = fn(&Scene) -> (Value, Value);

struct Corruption {
    name: &'static str,
    forge: Forge,
    end: End,
}

fn status(status: impl Into<Value>) -> (Value, Value) {
    let status: Value = status.into();
    (Value::Null, json!({ "status": status }))
}

fn claim(scene: &Scene, change: impl FnOnce(&mut Value)) -> (Value, Value) {
    let text = &scene.object.annotations()[CLAIM_ANNOTATION];
    let mut claim: Value = serde_json::from_str(text).expect("a claim");
    change(&mut claim);
    annotation(&json!(claim.to_string()))
}

fn annotation(text: &Value) -> (Value, Value) {
    let annotations = json!({ CLAIM_ANNOTATION: text });
    (
        json!({ "metadata": { "annotations": annotations } }),
        Value::Null,
    )
}

/// An id of an instant this far from now.
fn id_at(hours: i64) -> Value {
    let at = Timestamp::now() + SignedDuration::from_hours(hours);
    let seconds = u64::try_from(at.as_second()).expect("after 1970");
    json!(Uuid::new_v7(uuid::Timestamp::from_unix(
        NoContext, seconds, 0
    )))
}

const MISMATCH: End = End::Stalled("AccountMismatch");

macro_rules! corruptions {
    ($($name:literal => $forge:expr, $end:expr;)*) => {
        const CORRUPTIONS: &[Corruption] = &[$(Corruption {
            name: $name,
            forge: $forge,
            end: $end,
        }),*];
    };
}

corruptions! {
    "status/id-of-anothers-pool" => |scene| status(json!({ "identityPoolId": scene.others })), End::Healed;
    "status/id-of-nobodys-pool" => |scene| status(json!({ "identityPoolId": scene.nobodys })), End::Healed;
    "status/id-of-another-installation" => |scene| status(json!({ "identityPoolId": scene.elsewhere })), End::Healed;
    "status/id-of-no-pool" => |_| status(json!({ "identityPoolId": "eu-west-1:00000000-0000-4000-8000-000000000000" })), End::Healed;
    "status/id-of-another-region" => |scene| status(json!({ "identityPoolId": scene.own.replace("eu-west-1", "us-east-1") })), End::Healed;
    "status/id-is-garbage" => |_| status(json!({ "identityPoolId": "../../x y\u{7f}" })), End::Healed;
    "status/id-is-empty" => |_| status(json!({ "identityPoolId": "" })), End::Healed;
    "status/id-is-gone" => |_| status(json!({ "identityPoolId": null })), End::Healed;
    "status/is-gone" => |_| (Value::Null, json!({ "status": null })), End::Healed;
    "status/account-is-anothers" => |_| status(json!({ "accountId": "999999999999" })), End::Healed;
    "status/region-is-another" => |_| status(json!({ "region": "us-east-1" })), End::Healed;
    "status/generation-of-the-future" => |_| status(json!({ "observedGeneration": 4711 })), End::Healed;
    "status/conditions-are-gone" => |_| status(json!({ "conditions": [] })), End::Healed;
    "status/hash-is-forged" => |_| status(json!({ "appliedHash": "0123456789abcdef0123456789abcdef" })), End::Healed;
    "status/policy-is-forged" => |_| status(json!({ "deletionPolicy": "Retain" })), End::Healed;
    "status/managed-is-forged" => |_| status(json!({ "managed": { "identityPoolTags": ["team", OWNER_TAG] } })), End::Healed;
    "status/name-is-forged" => |_| status(json!({ "identityPoolName": "forged", "identityPoolARN": "arn:aws:x" })), End::Healed;
    "claim/is-gone" => |_| annotation(&Value::Null), End::Healed;
    "claim/is-empty" => |_| annotation(&json!("")), End::Healed;
    "claim/is-malformed" => |_| annotation(&json!("{\"id\":")), End::Healed;
    "claim/is-another-type" => |_| annotation(&json!("[1,2,3]")), End::Healed;
    "claim/of-the-future" => |scene| claim(scene, |claim| claim["id"] = id_at(1)), End::Healed;
    "claim/of-long-ago" => |scene| claim(scene, |claim| claim["id"] = id_at(-90_000)), End::Healed;
    "claim/without-a-time" => |scene| claim(scene, |claim| claim["id"] = json!(Uuid::nil())), End::Healed;
    "claim/of-another-object" => |scene| claim(scene, |claim| claim["uid"] = json!(Uuid::max())), End::Healed;
    "claim/is-void" => |scene| claim(scene, |claim| claim["void"] = json!("NotSent")), End::Healed;
    "claim/of-an-adoption" => |scene| claim(scene, |claim| claim["adopted"] = json!(true)), End::Healed;
    "claim/of-another-region" => |scene| claim(scene, |claim| claim["region"] = json!("us-east-1")), MISMATCH;
    "claim/of-another-account" => |scene| claim(scene, |claim| claim["accountId"] = json!("999999999999")), MISMATCH;
    "finalizer/is-gone" => |_| (json!({ "metadata": { "finalizers": [] } }), Value::Null), End::Healed;
    "finalizer/beside-anothers" => |_| {
        let finalizers = json!(["example.com/other", FINALIZER]);
        (json!({ "metadata": { "finalizers": finalizers } }), Value::Null)
    }, End::Healed;
    "all/is-gone" => |_| {
        let metadata = json!({ "finalizers": [], "annotations": { CLAIM_ANNOTATION: null } });
        (json!({ "metadata": metadata }), json!({ "status": null }))
    }, End::Healed;
    "all/of-anothers-pool" => |scene| {
        let (object, _) = claim(scene, |claim| claim["id"] = id_at(-1));
        (object, json!({ "status": { "identityPoolId": scene.others, "appliedHash": null } }))
    }, End::Healed;
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for corruption in CORRUPTIONS {
        for when in [When::Alive, When::Down, When::Edited, When::Deleted] {
            let name = format!("{KIND}/{}/{when:?}", corruption.name).to_lowercase();
            cases.push(Case::new(KIND, name, Stage::QUICK, move |world| {
                forged(world, corruption, when)
            }));
        }
    }
    cases
}

async fn scene(world: &Arc<World>) -> Scene {
    let tagged = |owner: Option<String>| {
        let tags = owner.map_or(json!({}), |owner| json!({ OWNER_TAG: owner }));
        json!({
            "IdentityPoolId": format!("eu-west-1:{}", Uuid::new_v4()),
            "IdentityPoolName": "theirs",
            "IdentityPoolTags": tags,
        })
    };
    let elsewhere = format!("elsewhere/{}", Uuid::new_v4());
    let nobodys = world.rig.fake.seed(tagged(None), true);
    let elsewhere = world.rig.fake.seed(tagged(Some(elsewhere)), true);
    living_as(world, json!({ "deletionPolicy": "Delete" })).await;
    world
        .create(OTHER, json!({ "deletionPolicy": "Delete" }))
        .await;
    let others = pool_id(&world.rig.until_ready(OTHER).await);
    world.kill();
    world.rig.age(APP).await;
    world.start().await;
    world.rest().await;
    let object = world.rig.pools.get(APP).await.expect("object is there");
    Scene {
        own: pool_id(&object),
        others,
        nobodys,
        elsewhere,
        object,
    }
}

async fn forged(world: Arc<World>, corruption: &'static Corruption, when: When) -> Played {
    let scene = scene(&world).await;
    let before = world.rig.fake.pools();
    world.rig.fake.reset_journal();
    if when != When::Alive {
        world.kill();
    }
    let (object, status) = (corruption.forge)(&scene);
    if !status.is_null() {
        world.rig.patch_status(APP, status["status"].clone()).await;
    }
    if !object.is_null() {
        world.rig.patch(APP, object).await;
    }
    match when {
        When::Alive => drop(world.rig.ask(APP).await),
        When::Down => {}
        When::Edited => world.edit(json!({ "allowClassicFlow": true })).await,
        When::Deleted => world.delete(APP).await,
    }
    let begun = Instant::now();
    if when != When::Alive {
        world.start().await;
        world.ask_all().await;
    }
    match (when, corruption.end) {
        (When::Deleted, End::Healed) => gone(&world, corruption.name, &scene).await,
        (_, End::Healed) => healed(&world, &scene).await,
        (_, End::Stalled(reason)) => {
            world
                .rig
                .until_condition(APP, "Stalled", &format!("True/{reason}"))
                .await;
            assert_eq!(world.rig.fake.pools(), before, "nothing is changed");
        }
    }
    untouched(&world, &before, &scene);
    Played {
        recovered: begun.elapsed(),
        met: true,
    }
}

/// The object records its own pool again, which equals the spec; no other was made.
async fn healed(world: &World, scene: &Scene) {
    let own = scene.own.clone();
    let so = move |object: &IdentityPool| {
        let status = object.status.clone().unwrap_or_default();
        let current = status.observed_generation == object.metadata.generation;
        let recorded = status.identity_pool_id.as_ref() == Some(&own);
        let marked = object.finalizers().iter().any(|name| name == FINALIZER);
        let ready = condition(&status, "Ready") == "True/InSync";
        recorded && ready && current && marked
    };
    world.until(APP, "its own pool", so).await;
    assert_eq!(world.rig.fake.executed("CreateIdentityPool"), 0);
    let pool = world.rig.fake.pool(&scene.own).expect("it is there");
    let object = world.rig.pools.get(APP).await.expect("object is there");
    let classic = pool["AllowClassicFlow"].as_bool().unwrap_or(false);
    assert_eq!(classic, object.spec.allow_classic_flow);
}

/// Object and pool are gone, but where nothing holds the object: an object that goes without its
/// finalizer leaves its pool to the report of orphans.
async fn gone(world: &World, name: &str, scene: &Scene) {
    if name.starts_with("finalizer/beside") {
        let others = |object: &IdentityPool| object.finalizers() == ["example.com/other"];
        world
            .until(APP, "the other's finalizer alone", others)
            .await;
    } else {
        world.rig.until_gone(APP).await;
    }
    let left_alone = name == "finalizer/is-gone" || name == "all/is-gone";
    let stays = world.rig.fake.pool(&scene.own).is_some();
    assert_eq!(
        stays, left_alone,
        "the pool stays only where nobody could know of it"
    );
}

/// No other pool was touched.
fn untouched(world: &World, before: &[Value], scene: &Scene) {
    let of_others = |pools: &[Value]| -> Vec<Value> {
        let others = pools
            .iter()
            .filter(|pool| pool["IdentityPoolId"] != scene.own.as_str());
        others.cloned().collect()
    };
    assert_eq!(of_others(&world.rig.fake.pools()), of_others(before));
}
