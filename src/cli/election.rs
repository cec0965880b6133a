//! Flags of the leader election, and the candidacy they make.

use clap::{ArgAction, Args};
use kube::Config;
use uuid::Uuid;

use super::flags::namespace as one_namespace;
use crate::controller::{Candidacy, election_client};
use crate::election::Timing;
use crate::election::timing::Disorder;

/// Flags by the names of controller-runtime and kube-controller-manager.
#[derive(Debug, Args)]
pub(super) struct Election {
    /// Only work while holding the Lease `identity-pool-operator`, so that one of several replicas works
    #[arg(long = "leader-elect", env = "LEADER_ELECT", value_name = "BOOL",
        default_value_t = true, default_missing_value = "true",
        action = ArgAction::Set, num_args = 0..=1, require_equals = true)]
    enabled: bool,
    /// Namespace of the Lease [default: that of the pod, or of the kubeconfig context]
    #[arg(long = "leader-election-namespace", env = "LEADER_ELECTION_NAMESPACE",
        value_name = "NAMESPACE", value_parser = one_namespace)]
    namespace: Option<String>,
    /// Seconds after which another replica takes over from a leader that does not renew
    #[arg(
        long = "leader-election-lease-duration-seconds",
        env = "LEADER_ELECTION_LEASE_DURATION_SECONDS",
        value_name = "SECONDS",
        default_value_t = 15
    )]
    lease_duration: u32,
    /// Seconds after which a leader that cannot renew stops by itself; less than the lease
    #[arg(
        long = "leader-election-renew-deadline-seconds",
        env = "LEADER_ELECTION_RENEW_DEADLINE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 10
    )]
    renew_deadline: u32,
    /// Seconds between two renewals; less than the renew deadline
    #[arg(
        long = "leader-election-retry-period-seconds",
        env = "LEADER_ELECTION_RETRY_PERIOD_SECONDS",
        value_name = "SECONDS",
        default_value_t = 2
    )]
    retry_period: u32,
}

impl Election {
    /// The durations; `None`: there is no election.
    pub(super) fn timing(&self) -> Result<Option<Timing>, Disorder> {
        if !self.enabled {
            return Ok(None);
        }
        Timing::new(self.lease_duration, self.renew_deadline, self.retry_period).map(Some)
    }

    /// How this process stands for election.
    pub(super) fn candidacy(&self, timing: Timing, config: Config) -> kube::Result<Candidacy> {
        let namespace = self.namespace.clone();
        Ok(Candidacy {
            namespace: namespace.unwrap_or_else(|| config.default_namespace.clone()),
            client: election_client(config)?,
            identity: identity(),
            timing,
        })
    }
}

/// The pod's name, for people, and what tells this process from an earlier one of the
/// same name: a restarted container must not believe that it still leads.
fn identity() -> String {
    let host = hostname::get().unwrap_or_default();
    format!("{}_{}", host.to_string_lossy(), Uuid::now_v7())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Election,
    }

    fn flags(arguments: &[&str]) -> Election {
        let line = std::iter::once("x").chain(arguments.iter().copied());
        Line::try_parse_from(line).expect("flags").flags
    }

    #[test]
    fn the_election_is_on_and_timed_as_in_client_go_unless_told_otherwise() {
        let standard = Timing::new(15, 10, 2).ok();
        assert_eq!(flags(&[]).timing(), Ok(standard));
        assert_eq!(flags(&["--leader-elect"]).timing(), Ok(standard));
        assert_eq!(flags(&["--leader-elect=true"]).timing(), Ok(standard));
        assert_eq!(flags(&["--leader-elect=false"]).timing(), Ok(None));
        assert!(Line::try_parse_from(["x", "--leader-elect=perhaps"]).is_err());
        assert!(Line::try_parse_from(["x", "--leader-election-namespace="]).is_err());
    }

    #[test]
    fn durations_out_of_order_are_refused_and_do_not_matter_without_an_election() {
        let short = "--leader-election-lease-duration-seconds=10";
        assert!(flags(&[short]).timing().is_err());
        assert_eq!(flags(&[short, "--leader-elect=false"]).timing(), Ok(None));
    }

    #[test]
    fn no_two_processes_of_one_pod_are_the_same() {
        assert_ne!(identity(), identity());
    }
}
