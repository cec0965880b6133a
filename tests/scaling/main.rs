//! What one leader can do, and several: the real core and the real budget in virtual time, against
//! accounts with a limit and an apiserver that takes so many writes a second.
//!
//! `cargo test --test scaling -- --ignored --nocapture` prints the table of docs/scaling.md.

mod account;
#[allow(dead_code, reason = "of it, too, little is needed here")]
#[path = "../shared/apiserver.rs"]
mod apiserver;
mod leader;
#[allow(
    dead_code,
    reason = "the small world of the lifecycle tests, of which little is needed here"
)]
#[path = "../lifecycle/world.rs"]
mod world;

use std::time::Duration;

use futures::future::join_all;
use leader::{Fleet, Leader, Made};

/// Writes a second that one apiserver takes from one operator beside everything else that it does on
/// a small machine: twice the objects a second of `make bench`.
const APISERVER: f64 = 500.0;

const HOUR: Duration = Duration::from_secs(3600);

async fn made(fleets: &[Fleet]) -> Made {
    let leaders = fleets.iter().map(|fleet| Leader::new(*fleet));
    let all = join_all(leaders.map(Leader::create_all)).await;
    all.into_iter().fold(Made::default(), Made::and)
}

fn fleet(accounts: usize, pools: usize, limit: f64) -> Fleet {
    Fleet {
        accounts,
        pools,
        limit,
        apiserver: APISERVER,
    }
}

#[tokio::test(start_paused = true)]
async fn one_account_is_limited_by_its_own_rate() {
    let made = made(&[fleet(1, 300, 10.0)]).await;
    let seconds = made.time.as_secs_f64();
    assert!((29.0..34.0).contains(&seconds), "{made:?}");
    assert_eq!((made.pools, made.calls - made.throttled), (300, 300));
}

#[tokio::test(start_paused = true)]
async fn accounts_do_not_wait_for_each_other() {
    let (one, many) = (fleet(1, 300, 10.0), fleet(8, 300, 10.0));
    let (one, many) = (made(&[one]).await, made(&[many]).await);
    let ratio = many.time.as_secs_f64() / one.time.as_secs_f64();
    assert!(ratio < 1.2, "{one:?}, {many:?}");
}

#[tokio::test(start_paused = true)]
async fn many_accounts_are_limited_by_the_apiserver() {
    let fleet = Fleet {
        apiserver: 40.0,
        ..fleet(8, 50, 25.0)
    };
    let made = made(&[fleet]).await;
    let writes = made.writes;
    assert!(writes >= 800, "two for each object: {made:?}");
    let by_writes = real(writes) / 40.0;
    let seconds = made.time.as_secs_f64();
    assert!((by_writes..by_writes * 1.1).contains(&seconds), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn at_rest_a_pool_takes_two_looks_an_hour_and_no_write() {
    let leader = Leader::new(fleet(1, 100, 25.0));
    let worlds = leader.create().await;
    let rested = leader.rest(worlds, HOUR).await;
    assert!((190..=225).contains(&rested.calls), "{rested:?}");
    assert_eq!((rested.writes, rested.throttled), (0, 0));
}

/// The table: minutes of real time, most of them for the last two lines.
#[tokio::test(start_paused = true)]
#[ignore = "minutes: prints the table of docs/scaling.md"]
async fn table() {
    println!("| leaders | accounts | pools | AWS limit | all created | objects/s | throttled |");
    println!("|---|---|---|---|---|---|---|");
    for (leaders, accounts, pools, limit) in [
        (1, 1, 1000, 5.0),
        (1, 1, 1000, 10.0),
        (1, 1, 1000, 25.0),
        (1, 10, 500, 10.0),
        (1, 40, 500, 10.0),
        (4, 200, 500, 10.0),
        (1, 200, 500, 10.0),
    ] {
        // Leaders share the apiserver and nothing else: one shows what each does.
        let share = Fleet {
            apiserver: APISERVER / real(leaders),
            ..fleet(accounts / leaders, pools, limit)
        };
        let made = made(&[share]).await;
        let (seconds, all) = (made.time.as_secs_f64(), made.pools * leaders);
        println!(
            "| {leaders} | {accounts} | {all} | {limit}/s | {seconds:.0} s | {:.0} | {:.1} % |",
            real(all) / seconds,
            100.0 * real(made.throttled) / real(made.calls),
        );
    }
}

fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("a count"))
}
