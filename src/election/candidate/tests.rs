//! The rules of the election, one by one: what was seen and when, and what follows.

use super::*;

const LEASE: u64 = 15;
const RENEW: u64 = 10;
const RETRY: u64 = 2;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// An instant by a wall clock that shows what it likes.
fn at(uptime: Duration) -> Now {
    Now {
        uptime,
        wall: Timestamp::UNIX_EPOCH,
    }
}

fn me() -> Candidate {
    let timing = Timing::new(15, 10, 2).expect("an order");
    Candidate::new("operator", "me", timing)
}

/// The lease as the apiserver has it.
fn lease(holder: &str, version: u32) -> Lease {
    Lease {
        metadata: ObjectMeta {
            name: Some("operator".to_owned()),
            resource_version: Some(version.to_string()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            lease_transitions: Some(4),
            ..LeaseSpec::default()
        }),
    }
}

/// A replica that won the lease at this instant; the write took a quarter of a second.
fn leader(since: Duration) -> Candidate {
    let mut me = me();
    me.observe(Some(lease("", 6)), since);
    me.wrote(lease("me", 7), since, since + millis(250));
    me
}

/// The lease that a step writes.
fn written(step: Step) -> Lease {
    match step {
        Step::Create(lease) | Step::Replace(lease) => *lease,
        other => panic!("no write: {other:?}"),
    }
}

fn spec(lease: &Lease) -> &LeaseSpec {
    lease.spec.as_ref().expect("a spec")
}

#[test]
fn it_reads_before_it_writes_and_creates_where_there_is_none() {
    let mut me = me();
    assert_eq!(me.next(at(seconds(0))), Step::Read);
    me.observe(None, millis(5));
    let Step::Create(lease) = me.next(at(millis(5))) else {
        panic!("nothing is created")
    };
    assert_eq!(lease.metadata.name.as_deref(), Some("operator"));
    assert_eq!(spec(&lease).holder_identity.as_deref(), Some("me"));
    assert_eq!(spec(&lease).lease_duration_seconds, Some(15));
    assert_eq!(spec(&lease).lease_transitions, Some(0));
    assert_eq!(me.term(), Term::None, "not before the answer");
}

#[test]
fn a_lease_that_is_renewed_is_left_to_its_holder() {
    let mut me = me();
    for renewal in 0..100 {
        let now = seconds(u64::from(renewal) * RETRY);
        assert_eq!(me.next(at(now)), Step::Read);
        me.observe(Some(lease("other", renewal)), now);
        assert_eq!(me.next(at(now)), Step::Wait(now + seconds(RETRY)));
    }
    assert_eq!(me.holder(), Some("other"));
}

#[test]
fn a_lease_that_nobody_renews_is_over_when_this_process_has_seen_it_for_as_long_as_it_promises() {
    let mut me = me();
    let first = seconds(1_000);
    me.observe(Some(lease("other", 7)), first);
    for later in 1..LEASE {
        let now = first + seconds(later);
        me.observe(Some(lease("other", 7)), now);
        assert!(!matches!(me.next(at(now)), Step::Replace(_)), "{later} s");
    }
    let before = first + millis(LEASE * 1000 - 1);
    assert_eq!(me.next(at(before)), Step::Wait(first + seconds(LEASE)));
    let taken = written(me.next(at(first + seconds(LEASE))));
    assert_eq!(taken.metadata.resource_version.as_deref(), Some("7"));
    assert_eq!(spec(&taken).holder_identity.as_deref(), Some("me"));
    assert_eq!(spec(&taken).lease_transitions, Some(5));
}

#[test]
fn its_holder_says_how_long_it_wants_to_be_believed_in() {
    for (promised, over) in [(Some(60), 60), (Some(3), 3), (None, LEASE), (Some(-1), 0)] {
        let mut me = me();
        let mut held = lease("other", 7);
        held.spec.as_mut().expect("a spec").lease_duration_seconds = promised;
        me.observe(Some(held), seconds(100));
        let standing = me.standing(me.current().expect("seen"));
        assert!(
            matches!(standing, Standing::Held(until) if until == seconds(100 + over)),
            "{promised:?}"
        );
    }
}

#[test]
fn no_clock_but_the_own_monotonic_one_counts() {
    let long_ago = MicroTime(Timestamp::MIN);
    let far_ahead = MicroTime(Timestamp::MAX);
    for written in [long_ago, far_ahead] {
        for wall in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            let mut me = me();
            let mut held = lease("other", 7);
            let spec = held.spec.as_mut().expect("a spec");
            spec.renew_time = Some(written.clone());
            spec.acquire_time = Some(written.clone());
            me.observe(Some(held), seconds(100));
            let next = |uptime| me.next(Now { uptime, wall });
            assert_eq!(next(seconds(101)), Step::Wait(seconds(102)));
            assert!(matches!(next(seconds(115)), Step::Replace(_)));
        }
    }
}

#[test]
fn a_released_lease_is_taken_at_once() {
    let mut me = me();
    me.observe(Some(lease("other", 7)), seconds(100));
    me.observe(Some(lease("", 8)), millis(100_001));
    let taken = written(me.next(at(millis(100_001))));
    assert_eq!(taken.metadata.resource_version.as_deref(), Some("8"));
    assert_eq!(spec(&taken).lease_transitions, Some(5));
}

#[test]
fn after_a_restart_its_own_old_lease_is_somebody_elses() {
    let timing = Timing::new(15, 10, 2).expect("an order");
    let mut reborn = Candidate::new("operator", "pod_2", timing);
    reborn.observe(Some(lease("pod_1", 7)), seconds(0));
    assert_eq!(reborn.next(at(seconds(0))), Step::Wait(seconds(RETRY)));
    assert!(matches!(reborn.next(at(seconds(LEASE))), Step::Replace(_)));
}

#[test]
fn who_loses_the_race_looks_and_waits_for_the_winner() {
    let mut me = me();
    me.observe(Some(lease("other", 7)), seconds(100));
    assert!(matches!(me.next(at(seconds(115))), Step::Replace(_)));
    me.write_failed(seconds(115));
    assert_eq!(me.next(at(seconds(115))), Step::Read);
    me.observe(Some(lease("third", 8)), seconds(115));
    assert_eq!(me.term(), Term::None);
    assert_eq!(me.next(at(seconds(116))), Step::Wait(seconds(117)));
    assert_eq!(me.next(at(seconds(129))), Step::Read);
    assert!(matches!(me.next(at(seconds(130))), Step::Replace(_)));
}

#[test]
fn a_winning_write_whose_answer_was_lost_is_found_and_renewed() {
    let mut me = me();
    me.observe(Some(lease("", 7)), seconds(100));
    me.write_failed(seconds(103));
    me.observe(Some(lease("me", 8)), seconds(103));
    assert_eq!(me.term(), Term::None, "nobody knows since when");
    assert_eq!(me.next(at(seconds(103))), Step::Wait(seconds(105)));
    let renewed = written(me.next(at(seconds(105))));
    assert_eq!(spec(&renewed).lease_transitions, Some(4), "no new holder");
    me.wrote(renewed, seconds(105), seconds(106));
    assert!(me.term().has_begun());
}

#[test]
fn a_term_counts_from_before_the_write_was_sent() {
    let mut me = me();
    me.observe(None, seconds(100));
    me.wrote(lease("me", 7), seconds(100), seconds(103));
    let Term::Until { end, .. } = me.term() else {
        panic!("no term")
    };
    assert_eq!(end, seconds(100 + RENEW));
}

#[test]
fn a_leader_renews_every_retry_period_and_touches_nothing_else() {
    let mut me = leader(seconds(100));
    let Step::Wait(due) = me.next(at(seconds(101))) else {
        panic!("too early")
    };
    assert_eq!(due, millis(102_250));
    let mut held = lease("me", 7);
    held.metadata.labels = Some([("team".to_owned(), "web".to_owned())].into());
    held.spec.as_mut().expect("a spec").acquire_time = Some(MicroTime(Timestamp::MAX));
    me.observe(Some(held.clone()), seconds(102));
    let renewed = written(me.next(at(due)));
    assert_eq!(renewed.metadata, held.metadata);
    assert_eq!(spec(&renewed).acquire_time, spec(&held).acquire_time);
    assert_eq!(spec(&renewed).lease_transitions, Some(4));
    assert_eq!(
        spec(&renewed).renew_time,
        Some(MicroTime(Timestamp::UNIX_EPOCH))
    );
    me.wrote(renewed, due, due + millis(1));
    assert!(matches!(me.term(), Term::Until { end, .. } if end == due + seconds(RENEW)));
}

#[test]
fn a_leader_that_cannot_renew_tries_until_its_deadline_and_then_stops_before_others_begin() {
    let mut me = leader(seconds(100));
    let mut now = millis(102_250);
    let mut tries = 0;
    while now < seconds(100 + RENEW) {
        match me.next(at(now)) {
            Step::Replace(_) => {
                tries += 1;
                me.write_failed(now);
            }
            Step::Read => me.read_failed(now),
            Step::Wait(until) => {
                assert!(until > now && until <= seconds(100 + RENEW));
                now = until;
            }
            other => panic!("{other:?} at {now:?}"),
        }
    }
    assert_eq!(tries, 1, "the apiserver does not say what it has");
    assert_eq!(
        me.next(at(now)),
        Step::Lost(Loss::NotRenewed(seconds(RENEW)))
    );
    assert!(now < seconds(100 + LEASE));
}

#[test]
fn a_renewal_that_was_refused_is_tried_again_after_a_look() {
    let mut me = leader(seconds(100));
    me.write_failed(seconds(103));
    assert_eq!(me.next(at(seconds(103))), Step::Read);
    me.observe(Some(lease("me", 9)), seconds(103));
    assert_eq!(me.next(at(seconds(103))), Step::Wait(seconds(105)));
    let renewed = written(me.next(at(seconds(105))));
    assert_eq!(renewed.metadata.resource_version.as_deref(), Some("9"));
}

#[test]
fn a_leader_that_finds_the_lease_taken_or_gone_has_lost_it_at_once() {
    for (found, loss) in [
        (Some(lease("other", 9)), Loss::Taken("other".to_owned())),
        (Some(lease("", 9)), Loss::Emptied),
        (None, Loss::Emptied),
    ] {
        let mut me = leader(seconds(100));
        me.write_failed(seconds(103));
        me.observe(found, seconds(103));
        assert_eq!(me.next(at(seconds(103))), Step::Lost(loss));
        assert_eq!(me.term(), Term::None);
    }
}

#[test]
fn who_slept_through_the_deadline_has_lost() {
    let me = leader(seconds(100));
    assert_eq!(
        me.next(at(seconds(500))),
        Step::Lost(Loss::NotRenewed(seconds(RENEW)))
    );
    assert_eq!(me.term().left(seconds(500)), Duration::ZERO);
}

#[test]
fn who_resigns_gives_the_lease_back_at_once_and_is_done() {
    let mut me = leader(seconds(100));
    me.resign();
    let given = written(me.next(at(millis(100_300))));
    assert_eq!(given.metadata.resource_version.as_deref(), Some("7"));
    assert_eq!(spec(&given).holder_identity.as_deref(), Some(""));
    assert_eq!(spec(&given).lease_duration_seconds, Some(1));
    assert_eq!(spec(&given).lease_transitions, Some(4));
    me.wrote(given, millis(100_300), millis(100_310));
    assert_eq!(me.next(at(millis(100_310))), Step::Resigned);
    assert_eq!(me.term(), Term::None);
}

#[test]
fn who_resigns_without_a_term_or_after_it_writes_nothing() {
    let mut standby = me();
    standby.observe(Some(lease("other", 7)), seconds(100));
    standby.resign();
    assert_eq!(standby.next(at(seconds(200))), Step::Resigned);
    let mut taken = leader(seconds(100));
    taken.write_failed(seconds(103));
    taken.resign();
    assert_eq!(taken.next(at(seconds(103))), Step::Read);
    taken.observe(Some(lease("other", 9)), seconds(103));
    assert_eq!(taken.next(at(seconds(103))), Step::Resigned);
    let mut late = leader(seconds(100));
    late.resign();
    assert_eq!(late.next(at(seconds(110))), Step::Resigned);
}

#[test]
fn a_release_that_failed_is_tried_again_while_the_term_lasts() {
    let mut me = leader(seconds(100));
    me.resign();
    me.write_failed(seconds(101));
    assert_eq!(me.next(at(seconds(101))), Step::Read);
    me.observe(Some(lease("me", 8)), seconds(101));
    me.resign();
    assert_eq!(me.next(at(seconds(101))), Step::Wait(seconds(103)));
    let given = written(me.next(at(seconds(103))));
    assert_eq!(given.metadata.resource_version.as_deref(), Some("8"));
}

#[test]
fn a_release_that_is_denied_is_given_up_and_a_renewal_is_not() {
    let mut leading = leader(seconds(100));
    assert!(!leading.write_denied(seconds(103)));
    assert_eq!(leading.next(at(seconds(103))), Step::Read);
    assert!(leading.term().has_begun());
    let mut gone = leader(seconds(100));
    gone.resign();
    assert!(gone.write_denied(seconds(101)));
    assert_eq!(gone.next(at(seconds(101))), Step::Resigned);
    assert_eq!(gone.term(), Term::None);
}

#[test]
fn no_answer_is_waited_for_beyond_the_term() {
    assert_eq!(me().patience(seconds(0)), ANSWER);
    let me = leader(seconds(100));
    assert_eq!(me.patience(seconds(101)), ANSWER);
    assert_eq!(me.patience(seconds(109)), seconds(1));
    assert_eq!(me.patience(seconds(111)), Duration::ZERO);
}
