//! An object that is edited, and what AWS must have afterwards.

use std::collections::HashMap;
use std::sync::Mutex;

use identity_pool_operator::api::{IdentityPool, IdentityPoolStatus};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::document::Document;
use crate::rig::{Rig, Running, condition, pool_id};

/// A rig with its operator, and what fresh objects got.
pub(super) struct World {
    pub(super) rig: Rig,
    _operator: Running,
    fresh: Mutex<HashMap<String, Value>>,
}

impl World {
    pub(super) async fn new(rig: Rig) -> Self {
        let operator = rig.operator().await;
        Self {
            rig,
            _operator: operator,
            fresh: Mutex::default(),
        }
    }

    /// What an object that is made with this spec gets.
    async fn fresh(&self, spec: &Value) -> Value {
        let key = spec.to_string();
        let known = self.fresh.lock().expect("no panic").get(&key).cloned();
        if let Some(known) = known {
            return known;
        }
        let name = format!("fresh-{}", uuid::Uuid::now_v7());
        let mut spec = spec.clone();
        spec["deletionPolicy"] = "Delete".into();
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("managementPolicy");
        }
        rename_export(&mut spec, &name);
        assert!(
            self.apply(&name, &spec).await,
            "it was accepted before: {spec}"
        );
        self.rig.until_ready(&name).await;
        let shown = self.shown(&name).await;
        self.rig.delete(&name).await;
        let mut fresh = self.fresh.lock().expect("no panic");
        fresh.insert(key, shown.clone());
        shown
    }

    /// Server-side apply, as tools do it that keep a cluster like a repository; whether the apiserver takes it.
    async fn apply(&self, name: &str, spec: &Value) -> bool {
        let object = json!({
            "apiVersion": "cognito-identity.dev/v1alpha1", "kind": "IdentityPool",
            "metadata": { "name": name }, "spec": spec,
        });
        let params = PatchParams::apply("leaves").force();
        match self
            .rig
            .pools
            .patch(name, &params, &Patch::Apply(&object))
            .await
        {
            Ok(_) => true,
            Err(kube::Error::Api(status)) if status.code == 422 => false,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// All that AWS and the cluster hold for an object, without what names the object itself.
    async fn shown(&self, name: &str) -> Value {
        let object = self.rig.pools.get(name).await.expect("it is there");
        let id = pool_id(&object);
        let mut pool = self.rig.fake.pool(&id).expect("the pool is there");
        if let Some(tags) = pool["IdentityPoolTags"].as_object_mut() {
            tags.retain(|key, _| !key.starts_with("cognito-identity.dev/"));
        }
        let shown = json!({
            "pool": pool,
            "roles": self.rig.fake.roles(&id),
            "principalTags": self.principal_tags(&id),
            "exported": self.exported(&object).await,
        });
        let own_name = format!("{}-{name}", self.rig.namespace);
        let text = shown.to_string().replace(&id, "<id>");
        let text = text.replace(&own_name, "<default name>");
        serde_json::from_str(&text).expect("JSON")
    }

    /// The maps that are not AWS's own: that one AWS answers for any provider.
    fn principal_tags(&self, id: &str) -> Value {
        let mut maps = self.rig.fake.all_principal_tags(id);
        maps.retain(|_, map| map["UseDefaults"] != true);
        Value::Object(maps)
    }

    /// The data of every `ConfigMap` that the object owns.
    async fn exported(&self, object: &IdentityPool) -> Vec<Value> {
        let maps: Api<ConfigMap> = Api::namespaced(self.rig.client.clone(), &self.rig.namespace);
        let all = maps.list(&ListParams::default()).await.expect("a list");
        let ours = all.items.into_iter().filter(|map| {
            let mut owners = map.metadata.owner_references.iter().flatten();
            owners.any(|owner| Some(&owner.uid) == object.metadata.uid.as_ref())
        });
        ours.map(|map| json!(map.data)).collect()
    }
}

/// Objects of one namespace export to different names.
fn rename_export(spec: &mut Value, name: &str) {
    if let Some(export) = spec.pointer_mut("/export/configMap/name") {
        let given = export.as_str().unwrap_or_default();
        *export = format!("{name}-{given}").into();
    }
}

/// The object that is edited.
pub(super) struct Subject<'a> {
    world: &'a World,
    name: String,
    /// What it was last made to be.
    pub(super) document: Document,
    last: Value,
}

impl<'a> Subject<'a> {
    pub(super) async fn new(world: &'a World, name: &str, document: Document) -> Self {
        let mut subject = Self {
            world,
            name: name.to_owned(),
            document: document.clone(),
            last: Value::Null,
        };
        assert!(subject.become_like(document).await, "the base is accepted");
        subject
    }

    /// Applies a document, and holds AWS to it; false where the apiserver refuses it.
    pub(super) async fn become_like(&mut self, document: Document) -> bool {
        let spec = document.spec();
        let mut applied = spec.clone();
        rename_export(&mut applied, &self.name);
        if !self.world.apply(&self.name, &applied).await {
            return false;
        }
        self.document = document;
        match spec["managementPolicy"].as_str() {
            None | Some("Manage") => self.holds_all_of(&spec).await,
            Some(policy) => self.holds_still(policy).await,
        }
        true
    }

    async fn holds_all_of(&mut self, spec: &Value) {
        self.world.rig.until_ready(&self.name).await;
        self.last = self.world.shown(&self.name).await;
        let wanted = self.world.fresh(spec).await;
        assert_eq!(self.last, wanted, "{}: {spec:#}", self.name);
    }

    /// Under `Plan` and `Suspend` the spec is seen, and nothing moves.
    async fn holds_still(&self, policy: &str) {
        let object = self.world.rig.pools.get(&self.name).await;
        let generation = object.expect("it is there").metadata.generation;
        let seen = |status: &IdentityPoolStatus| {
            let said = condition(status, "Ready");
            let fits = match policy {
                "Suspend" => said.ends_with("/Suspended"),
                _ => said.ends_with("/Planned") || said == "True/InSync",
            };
            status.observed_generation >= generation && fits
        };
        self.world.rig.until(&self.name, policy, seen).await;
        assert_eq!(self.world.shown(&self.name).await, self.last, "{policy}");
    }
}
