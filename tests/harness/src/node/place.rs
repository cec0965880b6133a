//! Namespaces of the node's own: network, mounts, processes.
//!
//! Its first process keeps them and reaps; when that one ends, or `unshare` before it, the kernel
//! ends everything within.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::Error;
use super::ground::{FOLDERS, mounted_over};
use crate::control_plane::{NODE_ADDRESS, SERVICE_ADDRESS};
use crate::files::failed;
use crate::process::{Process, Within};

/// It takes 0.1 s.
const LIMIT: Duration = Duration::from_secs(30);

const READY: &str = "the namespaces are ready";

/// A bridge without an address of its own takes that of a port, and another when the port goes: pods
/// would talk to the old one until their neighbour tables forget it.
const BRIDGE: &str = "0a:58:0a:58:00:01";

/// What kubelet would set on the machine: it finds it set already.
const SYSCTLS: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// The namespaces, as long as this value is there.
#[derive(Debug)]
pub(super) struct Place {
    unshare: Process,
}

impl Place {
    /// Opens them, with the mounts and links of a node.
    pub(super) async fn open(folder: &Path) -> Result<Self, Error> {
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "--propagation", "private"]);
        command.args(["--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"]);
        command.args(["sh", "-euc", &script(), "init"]).arg(folder);
        let mut unshare = Process::start(&command, &folder.join("namespaces.log"))?;
        unshare.wait_for_line(READY, LIMIT).await?;
        Ok(Self { unshare })
    }

    /// Moves the calling thread into the network.
    pub(super) fn enter(&self) -> Result<(), Error> {
        let path = self.namespace("net");
        let network = File::open(&path).map_err(failed("open", &path))?;
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(network.as_fd(), kind).map_err(|error| Error::Enter(error.into()))
    }

    /// Has a process run in all of them.
    pub(super) fn within(&self) -> Within {
        let option =
            |option: &str, name: &str| format!("--{option}={}", self.namespace(name).display());
        let words = [
            "nsenter".to_owned(),
            option("net", "net"),
            option("mount", "mnt"),
            // Those of `unshare` itself are the machine's; its children have others.
            option("pid", "pid_for_children"),
        ];
        Within(words.map(OsString::from).into())
    }

    fn namespace(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/{name}", self.unshare.id()))
    }
}

/// What the first process does, with the node's folder as `$1`. `wait` reaps whatever loses its parent.
fn script() -> String {
    let run = [
        "mount -t tmpfs run /run".to_owned(),
        "mkdir -p /run/containerd /run/netns /run/lock".to_owned(),
    ];
    let folders = FOLDERS.map(|path| format!("mount --bind \"$1/{}\" {path}", mounted_over(path)));
    let sysctls = SYSCTLS.map(|(name, value)| {
        let own = format!("\"$1/sysctl-{}\"", name.replace('/', "-"));
        let real = format!("/proc/sys/{name}");
        format!("[ ! -e {real} ] || {{ echo {value} > {own}; mount --bind {own} {real}; }}")
    });
    let links = [
        "ip link set lo up".to_owned(),
        // The apiserver answers on the address of its Service itself, also before kube-proxy does.
        format!("ip addr add {SERVICE_ADDRESS}/32 dev lo"),
        format!("ip link add cni0 address {BRIDGE} type bridge"),
        format!("ip addr add {NODE_ADDRESS}/24 dev cni0"),
        "ip link set cni0 up".to_owned(),
    ];
    let stay = [
        format!("echo {READY}"),
        "sleep infinity &".to_owned(),
        "wait".to_owned(),
    ];
    [&run[..], &folders, &sysctls, &links, &stay]
        .concat()
        .join("\n")
}
