//! Changes of all objects of a scene at once: an edit of each, the deletion of each.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use futures::{StreamExt, TryStreamExt};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::json;

use crate::Outcome;
use crate::creation::Timing;
use crate::objects::is_done;
use crate::ready::Since;
use crate::scene::Scene;
use crate::tally::Spent;

/// Requests at once: as many as creations.
const AT_ONCE: usize = 16;

/// A change of all objects, and what it took.
pub(crate) struct Batch {
    pub(crate) count: usize,
    pub(crate) timing: Timing,
    pub(crate) spent: Spent,
}

/// Edits every object, and waits until every edit has come true.
pub(crate) async fn edit_all(scene: &Scene) -> Outcome<Batch> {
    let names = names(&scene.api).await?;
    let count = names.len();
    let work = async {
        let since = Since::now(&scene.api).await?;
        let begun = Instant::now();
        let edited = |object: &DynamicObject| {
            object.data["spec"]["allowClassicFlow"] == true && is_done(object)
        };
        let (asked, done) = tokio::try_join!(
            each(&names, |name| edit(&scene.api, name)),
            since.until(&scene.api, edited, count)
        )?;
        Ok(Timing::of(begun, &asked, &done))
    };
    let (timing, spent) = Spent::by(scene, work).await?;
    Ok(Batch {
        count,
        timing,
        spent,
    })
}

/// Deletes every object, and waits until all are gone.
pub(crate) async fn delete_all(scene: &Scene) -> Outcome<Batch> {
    let names = names(&scene.api).await?;
    let count = names.len();
    let work = async {
        let since = Since::now(&scene.api).await?;
        let begun = Instant::now();
        let all = names.iter().cloned().collect::<HashSet<_>>();
        let (asked, gone) = tokio::try_join!(
            each(&names, |name| delete(&scene.api, name)),
            since.until_gone(&scene.api, &all)
        )?;
        Ok(Timing::of(begun, &asked, &gone))
    };
    let (timing, spent) = Spent::by(scene, work).await?;
    Ok(Batch {
        count,
        timing,
        spent,
    })
}

/// An edit that AWS hears of.
pub(crate) async fn edit(api: &Api<DynamicObject>, name: String) -> Result<(), kube::Error> {
    let patch = Patch::Merge(json!({ "spec": { "allowClassicFlow": true } }));
    api.patch(&name, &PatchParams::default(), &patch).await?;
    Ok(())
}

async fn delete(api: &Api<DynamicObject>, name: String) -> Result<(), kube::Error> {
    api.delete(&name, &DeleteParams::default()).await?;
    Ok(())
}

async fn names(api: &Api<DynamicObject>) -> Outcome<Vec<String>> {
    let list = api.list(&ListParams::default()).await?;
    Ok(list.items.iter().map(ResourceExt::name_any).collect())
}

/// When each request was answered.
async fn each<F>(
    names: &[String],
    request: impl Fn(String) -> F,
) -> Outcome<HashMap<String, Instant>>
where
    F: Future<Output = Result<(), kube::Error>>,
{
    let requests = names.iter().cloned().map(|name| {
        let answer = request(name.clone());
        async move {
            answer.await?;
            Ok::<_, kube::Error>((name, Instant::now()))
        }
    });
    let answered = futures::stream::iter(requests).buffer_unordered(AT_ONCE);
    Ok(answered.try_collect().await?)
}
