//! The life of a release, in order.

mod credentials;
mod failover;
mod install;
mod objects;
mod uninstall;
mod upgrade;
mod waits;

use crate::clock::{Clock, seconds};
use crate::failure::{Failure, require};
use crate::scene::Scene;

/// Plays all of it.
pub(crate) async fn all(scene: &Scene, clock: &mut Clock) -> Result<(), Failure> {
    clock
        .time(
            "helm install --wait of the version before",
            install::previous(scene),
        )
        .await?;
    clock
        .time("pods as the chart promises", install::pods(scene))
        .await?;
    clock
        .time("the examples get Ready", objects::examples(scene))
        .await?;
    clock
        .time(
            "a field of the next version is refused",
            upgrade::is_refused(scene),
        )
        .await?;
    clock
        .time(
            "helm upgrade --wait to this version",
            upgrade::upgrade(scene),
        )
        .await?;
    clock
        .time("the new field is taken", upgrade::is_taken(scene))
        .await?;
    clock.time("helm test", install::test(scene)).await?;
    clock
        .time(
            "pods restarted, pools untouched",
            objects::survive_restart(scene),
        )
        .await?;
    let taken_over = clock
        .time("leader's pod deleted", failover::deleted(scene))
        .await?;
    clock.figure("  until a change is in AWS", &seconds(taken_over));
    let taken_over = clock
        .time("leader killed by SIGKILL", failover::killed(scene))
        .await?;
    clock.figure("  until a change is in AWS", &seconds(taken_over));
    clock
        .time(
            "helm uninstall, and what is left",
            uninstall::what_is_left(scene),
        )
        .await?;
    clock
        .time(
            "installed again, pools found again",
            uninstall::again(scene),
        )
        .await?;
    clock
        .time(
            "objects deleted first, then the release",
            uninstall::in_order(scene),
        )
        .await?;
    clock
        .time(
            "installed before its credentials",
            credentials::are_missed(scene),
        )
        .await?;
    let taken = clock
        .time(
            "credentials appear, no pod restarted",
            credentials::appear(scene),
        )
        .await?;
    clock.figure("  until both pods are ready", &seconds(taken));
    clock
        .time("kubectl wait as documented", waits::documented(scene))
        .await?;
    let broken = scene.fake.violations();
    require(
        broken.is_empty(),
        &format!("no promise about pools was broken: {broken:?}"),
    )
}
