//! The arithmetic of the request budget: a token bucket whose rate looks for the
//! limit that AWS does not publish.
//!
//! It doubles until AWS first objects, halves until AWS is content, comes closer until AWS
//! objects again, and from then on creeps upwards and steps back a little at each throttle. It grows only while it
//! is what callers wait for, and never beyond its cap. Where AWS throttles every call it
//! closes, but for a probe now and then. Has no clock: `now` is the time since some start.

use std::time::Duration;

/// Tokens a second at the start. AWS's published rates of this API are between 5
/// and 200: one burst of a quarter second at this rate is below most of them.
const START: f64 = 50.0;

/// How long a rate is tried before it is let grow. Longer than an answer takes, so that a
/// throttle has come by then; doubling this often reaches 800 calls a second within one
/// second.
const WINDOW: Duration = Duration::from_millis(250);

/// Part of the rate that is added in each second of full use once the limit is
/// known. With [`STEP_BACK`] AWS objects about once in 15 seconds: at 5 calls a
/// second to one call in a hundred. One more a second, the usual choice, would cost
/// such an account every twentieth call, and twice the part every fiftieth.
const CREEP: f64 = 0.01;

/// The same until AWS objects for the first time after a halving, which may have left half of
/// the limit unused: it is back within seconds, and one step too far costs one step back.
const APPROACH: f64 = 0.1;

/// What a throttle leaves of a rate that was right until then. Half, the usual
/// choice, leaves a quarter of the limit unused where AWS allows no bursts.
const STEP_BACK: f64 = 0.875;

/// After so much full use without a throttle the limit has been raised: creeping
/// from 10 to 100 would take four minutes. It is well above the 15 seconds between
/// two throttles, so an unchanged limit is hardly ever overrun by doubling.
const CALM: Duration = Duration::from_mins(2);

/// Part of a window's tokens that must have been taken for it to be in full use; the
/// rest is the time that waiters need to wake up.
const FULL: f64 = 0.8;

/// Tokens a second below which a single pool would take minutes.
const FLOOR: f64 = 1.0;

/// Seconds of the rate that may gather as unused tokens. A burst is what AWS refuses
/// first, and one of a quarter second is over within a window.
const BURST: f64 = 0.25;

/// The token beyond the burst that only a fresh caller may take: a person's edit need not wait
/// for the next one, however many calls of others do.
const KEPT: f64 = 1.0;

/// Throttled calls in an unbroken row, the last at the lowest rate, after which nothing is
/// believed to come through. An account whose limit lies below [`FLOOR`] still answers every
/// other call or so.
const IN_VAIN: u32 = 8;

/// From one probe to the next while nothing comes through: AWS's other users of the account
/// need the calls more, and half a minute is soon enough to notice that it is over.
const PROBE: Duration = Duration::from_secs(30);

/// What is known of the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// It is above the rate.
    Below,
    /// It is below the rate.
    Above,
    /// It is between the rate and twice the rate.
    Within,
    /// The rate is close to it, and AWS has not objected in so much full use.
    Near(Duration),
}

/// A bucket of tokens, one for each call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bucket {
    /// Tokens a second.
    rate: f64,
    tokens: f64,
    filled_at: Duration,
    phase: Phase,
    /// Last time that a throttle changed the rate.
    cut_at: Option<Duration>,
    window: Window,
    /// Tokens a second that are never exceeded.
    cap: f64,
    /// Throttled calls in an unbroken row.
    refusals: u32,
    /// Nothing comes through: only probes are let go.
    closed: bool,
    /// When the last probe of the account was sent.
    probed_at: Duration,
}

/// What happened since the rate was last judged.
#[derive(Clone, Debug, PartialEq)]
struct Window {
    began: Duration,
    taken: f64,
    /// Somebody had to wait.
    short: bool,
    /// AWS let a call through that was sent in it.
    heard: bool,
}

impl Window {
    const fn new(began: Duration) -> Self {
        Self {
            began,
            taken: 0.0,
            short: false,
            heard: false,
        }
    }
}

impl Bucket {
    /// With a cap in calls a second, or none.
    pub(super) fn new(now: Duration, cap: Option<f64>) -> Self {
        let cap = cap.unwrap_or(f64::INFINITY);
        let mut bucket = Self {
            rate: START.min(cap),
            tokens: 0.0,
            filled_at: now,
            phase: Phase::Below,
            cut_at: None,
            window: Window::new(now),
            cap,
            refusals: 0,
            closed: false,
            probed_at: now,
        };
        bucket.tokens = bucket.depth();
        bucket
    }

    /// Takes a token; only a fresh caller takes the last.
    ///
    /// # Errors
    /// When there is none: the time of the next one, if nobody else takes it.
    pub(super) fn take(&mut self, now: Duration, is_fresh: bool) -> Result<(), Duration> {
        self.fill(now);
        self.judge(now);
        let least = if is_fresh || self.closed {
            1.0
        } else {
            1.0 + KEPT
        };
        if self.tokens >= least {
            self.tokens -= 1.0;
            self.window.taken += 1.0;
            return Ok(());
        }
        self.window.short = true;
        // The microsecond covers rounding: waking up just before the token is no use.
        let wait = Duration::from_secs_f64((least - self.tokens) / self.pace());
        Err(now + wait + Duration::from_micros(1))
    }

    /// Puts a token back that was not used.
    pub(super) fn put_back(&mut self) {
        self.tokens += 1.0;
        self.window.taken -= 1.0;
    }

    /// Tokens a second at present, probes included.
    pub(super) fn pace(&self) -> f64 {
        if self.closed {
            PROBE.as_secs_f64().recip()
        } else {
            self.rate
        }
    }

    fn depth(&self) -> f64 {
        if self.closed {
            1.0
        } else {
            (self.rate * BURST).max(1.0) + KEPT
        }
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.pace()).min(self.depth());
        self.filled_at = self.filled_at.max(now);
    }

    /// Lets the rate grow after a window in which it was used up and AWS let calls through. One
    /// of which nothing was heard yet goes on: from token to answer may take long where the
    /// apiserver is slow, and a rate that doubles meanwhile is far beyond the limit when
    /// the first throttle comes.
    fn judge(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.window.began);
        if passed < WINDOW || !self.window.heard {
            return;
        }
        let seconds = passed.as_secs_f64();
        let window = std::mem::replace(&mut self.window, Window::new(now));
        let full = window.short && window.taken >= FULL * self.rate * seconds;
        if !full {
            return;
        }
        let (growth, phase) = match self.phase {
            Phase::Below => (2.0, Phase::Below),
            Phase::Above | Phase::Within => (1.0 + APPROACH * seconds, Phase::Within),
            Phase::Near(calm) if calm < CALM => (1.0 + CREEP * seconds, Phase::Near(calm + passed)),
            Phase::Near(_) => (1.0, Phase::Below),
        };
        self.rate = (self.rate * growth).min(self.cap);
        self.phase = phase;
    }

    /// AWS objected to a call whose token was taken at `sent`. Only what was sent at the present
    /// rate says anything of it: all calls that were under way together count once, however late
    /// their answers come. Says whether the bucket has closed by it.
    pub(super) fn throttle(&mut self, now: Duration, sent: Duration) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        if self.closed || self.cut_at.is_some_and(|cut| sent <= cut) {
            return false;
        }
        let (left, phase) = match self.phase {
            Phase::Below | Phase::Above => (0.5, Phase::Above),
            Phase::Within | Phase::Near(_) => (STEP_BACK, Phase::Near(Duration::ZERO)),
        };
        self.fill(now);
        let lowest = FLOOR.min(self.cap);
        self.closed = self.rate <= lowest && self.refusals >= IN_VAIN;
        self.rate = (self.rate * left).max(lowest);
        self.phase = phase;
        self.tokens = 0.0;
        self.cut_at = Some(now);
        self.window = Window::new(now);
        self.closed
    }

    /// AWS let a call through whose token was taken at `sent`. Says whether the bucket has opened
    /// by it.
    pub(super) fn accept(&mut self, now: Duration, sent: Duration) -> bool {
        self.refusals = 0;
        self.window.heard |= sent >= self.window.began;
        let was_closed = std::mem::take(&mut self.closed);
        if was_closed {
            // Whatever the limit is now, it is looked for from below.
            self.phase = Phase::Below;
            self.filled_at = now;
            self.window = Window::new(now);
        }
        was_closed
    }

    /// Whether only probes are let go.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// The last probe of this account was sent then, from this bucket or another: the next comes
    /// half a minute later.
    pub(super) fn probed(&mut self, at: Duration) {
        if self.closed && at > self.probed_at {
            self.tokens = 0.0;
            self.filled_at = at;
            self.probed_at = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const STEP: Duration = Duration::from_micros(500);

    /// How long AWS takes to answer.
    const ANSWER: Duration = Duration::from_millis(30);

    /// AWS, with one bucket of its own.
    struct Account {
        limit: f64,
        /// How long it takes to answer.
        latency: Duration,
        /// Calls that it lets gather.
        depth: f64,
        tokens: f64,
        /// When each comes, when it was sent, and whether it was let through.
        answers: VecDeque<(Duration, Duration, bool)>,
        now: Duration,
    }

    impl Account {
        fn new(limit: f64, depth: f64) -> Self {
            let answers = VecDeque::new();
            let now = Duration::ZERO;
            Self {
                limit,
                latency: ANSWER,
                depth,
                tokens: depth,
                answers,
                now,
            }
        }

        /// Sends whatever the bucket allows for a while: calls that worked, and throttled ones.
        fn storm(&mut self, bucket: &mut Bucket, seconds: u64) -> (f64, f64) {
            let (mut worked, mut throttled) = (0.0, 0.0);
            let end = self.now + Duration::from_secs(seconds);
            while self.now < end {
                self.now += STEP;
                self.tokens = (self.tokens + STEP.as_secs_f64() * self.limit).min(self.depth);
                while let Some((due, sent, accepted)) = self.answers.front().copied()
                    && due <= self.now
                {
                    self.answers.pop_front();
                    if accepted {
                        bucket.accept(self.now, sent);
                    } else {
                        bucket.throttle(self.now, sent);
                    }
                }
                while bucket.take(self.now, false).is_ok() {
                    let accepted = self.tokens >= 1.0;
                    if accepted {
                        self.tokens -= 1.0;
                        worked += 1.0;
                    } else {
                        throttled += 1.0;
                    }
                    let answer = (self.now + self.latency, self.now, accepted);
                    self.answers.push_back(answer);
                }
            }
            (worked, throttled)
        }
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[track_caller]
    fn assert_rate(bucket: &Bucket, wanted: f64) {
        assert!((bucket.rate - wanted).abs() < 1e-9, "{}", bucket.rate);
    }

    #[test]
    fn without_objection_the_rate_doubles_each_window() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        let mut boundless = Account::new(1e9, 1e9);
        boundless.storm(&mut bucket, 2);
        assert!(bucket.rate >= START * 64.0, "{}", bucket.rate);
    }

    #[test]
    fn a_rate_that_is_not_used_up_does_not_grow() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        for second in 1..100 {
            let burst = (0..20).filter(|_| bucket.take(at(second * 1000), false).is_ok());
            assert_eq!(burst.count(), 12, "a quarter second's worth");
        }
        assert_rate(&bucket, START);
    }

    #[test]
    fn a_throttle_counts_once_for_all_calls_of_its_moment() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        for _ in 0..10 {
            bucket.throttle(at(100), at(50));
        }
        assert_rate(&bucket, START / 2.0);
        bucket.throttle(at(5000), at(99));
        assert_rate(&bucket, START / 2.0);
        bucket.throttle(at(5000), at(101));
        assert_rate(&bucket, START / 4.0);
    }

    #[test]
    fn a_throttle_leaves_no_tokens() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        bucket.throttle(Duration::ZERO, Duration::ZERO);
        let fresh = bucket.take(Duration::ZERO, true).expect_err("none left");
        assert_eq!(fresh, at(40) + Duration::from_micros(1));
        let due = bucket.take(Duration::ZERO, false).expect_err("none left");
        assert_eq!(due, at(80) + Duration::from_micros(1));
        assert_eq!(bucket.take(due, false), Ok(()));
    }

    #[test]
    fn the_last_token_is_for_the_fresh() {
        let mut bucket = Bucket::new(Duration::ZERO, Some(5.0));
        while bucket.take(Duration::ZERO, false).is_ok() {}
        assert_eq!(bucket.take(Duration::ZERO, true), Ok(()));
        assert!(bucket.take(Duration::ZERO, true).is_err());
    }

    #[test]
    fn a_cap_is_never_exceeded() {
        for cap in [0.5, 5.0, 70.0] {
            let mut bucket = Bucket::new(Duration::ZERO, Some(cap));
            let mut boundless = Account::new(1e9, 1e9);
            let (worked, _) = boundless.storm(&mut bucket, 100);
            assert!(worked <= cap * 100.0 + cap * BURST + 2.0, "{cap}: {worked}");
            assert!(worked >= cap * 95.0, "{cap}: {worked}");
        }
    }

    #[test]
    fn where_nothing_comes_through_one_probe_is_sent_each_half_minute() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        let mut account = Account::new(0.0, 0.0);
        account.storm(&mut bucket, 60);
        assert!(bucket.closed);
        let (worked, throttled) = account.storm(&mut bucket, 300);
        assert!(
            worked == 0.0 && (throttled - 10.0).abs() < 0.5,
            "{throttled}"
        );
        (account.limit, account.depth) = (100.0, 100.0);
        account.storm(&mut bucket, 31);
        assert!(!bucket.closed);
        let (worked, _) = account.storm(&mut bucket, 30);
        assert!(worked > 30.0 * 100.0 * 0.7, "{worked}");
    }

    #[test]
    fn it_is_told_once_that_nothing_comes_through_and_once_that_something_does() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        let told = (1..100).filter(|second| bucket.throttle(at(second * 1000), at(second * 1000)));
        assert_eq!(told.count(), 1);
        assert!(bucket.accept(at(200_000), at(199_990)));
        assert!(!bucket.accept(at(200_001), at(200_000)));
    }

    #[test]
    fn a_single_answer_keeps_it_open() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        for second in 1..200 {
            if second % 7 == 0 {
                bucket.accept(at(second * 1000), at(second * 1000));
            }
            assert!(!bucket.throttle(at(second * 1000), at(second * 1000)));
        }
    }

    #[test]
    fn the_probe_of_another_bucket_counts() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        for second in 1..20 {
            bucket.throttle(at(second * 1000), at(second * 1000));
        }
        bucket.probed(at(60_000));
        assert!(bucket.take(at(89_000), true).is_err());
        assert_eq!(bucket.take(at(90_001), false), Ok(()));
    }

    #[test]
    fn the_rate_never_falls_below_one_a_second() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        for second in 1..100 {
            bucket.throttle(at(second * 1000), at(second * 1000));
        }
        assert_rate(&bucket, FLOOR);
    }

    #[test]
    fn a_steady_limit_is_nearly_used_up_and_hardly_ever_overrun() {
        for limit in [5.0, 10.0, 50.0, 300.0] {
            for depth in [1.0_f64.max(limit / 4.0), limit] {
                let mut bucket = Bucket::new(Duration::ZERO, None);
                let mut account = Account::new(limit, depth);
                account.storm(&mut bucket, 20);
                let (worked, throttled) = account.storm(&mut bucket, 160);
                let used = worked / (160.0 * limit);
                let refused = throttled / (worked + throttled);
                assert!(used > 0.9, "{limit}, {depth}: only {used:.2} is used");
                assert!(refused < 0.02, "{limit}, {depth}: {refused:.3} is refused");
            }
        }
    }

    #[test]
    fn slow_answers_do_not_let_the_rate_run_away() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        let mut account = Account::new(10.0, 10.0);
        account.latency = at(600);
        let (_, throttled) = account.storm(&mut bucket, 2);
        // What is sent at the first rate until the first answer comes, and little more.
        assert!(throttled < START * 0.6 + 15.0, "{throttled}");
        account.storm(&mut bucket, 18);
        let (worked, _) = account.storm(&mut bucket, 160);
        assert!(worked > 0.85 * 1600.0, "{worked}");
    }

    #[test]
    fn a_lowered_limit_is_found_within_seconds() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        let mut account = Account::new(300.0, 300.0);
        account.storm(&mut bucket, 20);
        (account.limit, account.depth) = (10.0, 10.0);
        account.storm(&mut bucket, 15);
        assert!(bucket.rate < 13.0, "{}", bucket.rate);
    }

    #[test]
    fn a_raised_limit_is_found_after_some_minutes_of_calm() {
        let mut bucket = Bucket::new(Duration::ZERO, None);
        let mut account = Account::new(10.0, 10.0);
        account.storm(&mut bucket, 20);
        (account.limit, account.depth) = (300.0, 300.0);
        account.storm(&mut bucket, 140);
        assert!(bucket.rate > 200.0, "{}", bucket.rate);
    }
}
