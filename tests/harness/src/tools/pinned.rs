//! What is built: each program's Go package and the module files that pin everything it consists
//! of.

use crate::cache;

/// A program that is built from a pinned Go module.
#[derive(Debug)]
pub(super) struct Pinned {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
    pub(super) go_mod: &'static str,
    pub(super) go_sum: &'static str,
    /// What to tell people who wait; measured on 2 cores, download included.
    pub(super) duration: &'static str,
    /// The module whose version is the program's.
    module: &'static str,
    /// The Go package whose variables the linker sets to the version, if the program has one.
    version_package: Option<&'static str>,
}

pub(super) const ETCD: Pinned = Pinned {
    name: "etcd",
    package: "go.etcd.io/etcd/server/v3",
    go_mod: include_str!("../../tools/etcd/go.mod"),
    go_sum: include_str!("../../tools/etcd/go.sum"),
    duration: "about 1 minute",
    module: "go.etcd.io/etcd/server/v3",
    version_package: None,
};

pub(super) const ETCDCTL: Pinned = etcd_backup("etcdctl", "go.etcd.io/etcd/etcdctl/v3");

pub(super) const ETCDUTL: Pinned = etcd_backup("etcdutl", "go.etcd.io/etcd/etcdutl/v3");

const fn etcd_backup(name: &'static str, package: &'static str) -> Pinned {
    Pinned {
        name,
        package,
        go_mod: include_str!("../../tools/etcd-backup/go.mod"),
        go_sum: include_str!("../../tools/etcd-backup/go.sum"),
        duration: "about 10 seconds",
        module: package,
        version_package: None,
    }
}

pub(super) const KUBE_APISERVER: Pinned = kube(
    "kube-apiserver",
    "k8s.io/kubernetes/cmd/kube-apiserver",
    "about 4 minutes",
);

pub(super) const KUBECTL: Pinned =
    kube("kubectl", "k8s.io/kubernetes/cmd/kubectl", "about 1 minute");

pub(super) const CONTROLLER_MANAGER: Pinned = kube(
    "kube-controller-manager",
    "k8s.io/kubernetes/cmd/kube-controller-manager",
    "about 2 minutes",
);

pub(super) const SCHEDULER: Pinned = kube(
    "kube-scheduler",
    "k8s.io/kubernetes/cmd/kube-scheduler",
    "less than 1 minute",
);

pub(super) const KUBE_PROXY: Pinned = kube(
    "kube-proxy",
    "k8s.io/kubernetes/cmd/kube-proxy",
    "less than 1 minute",
);

pub(super) const KUBELET: Pinned =
    kube("kubelet", "k8s.io/kubernetes/cmd/kubelet", "about 1 minute");

/// Installs the chart.
pub(super) const HELM: Pinned = Pinned {
    name: "helm",
    package: "helm.sh/helm/v4/cmd/helm",
    go_mod: include_str!("../../tools/helm/go.mod"),
    go_sum: include_str!("../../tools/helm/go.sum"),
    duration: "about 2 minutes",
    module: "helm.sh/helm/v4",
    version_package: None,
};

/// Holds manifests to Kubernetes' schemas.
pub(super) const KUBECONFORM: Pinned = chart(
    "kubeconform",
    "github.com/yannh/kubeconform/cmd/kubeconform",
    "github.com/yannh/kubeconform",
);

/// Holds manifests to good practice.
pub(super) const KUBE_SCORE: Pinned = chart(
    "kube-score",
    "github.com/zegl/kube-score/cmd/kube-score",
    "github.com/zegl/kube-score",
);

/// Writes the chart's table of values.
pub(super) const HELM_DOCS: Pinned = chart(
    "helm-docs",
    "github.com/norwoodj/helm-docs/cmd/helm-docs",
    "github.com/norwoodj/helm-docs",
);

/// The Lua in which Argo CD runs health checks.
pub(super) const GLUA: Pinned = chart(
    "glua",
    "github.com/yuin/gopher-lua/cmd/glua",
    "github.com/yuin/gopher-lua",
);

const fn chart(name: &'static str, package: &'static str, module: &'static str) -> Pinned {
    Pinned {
        name,
        package,
        go_mod: include_str!("../../tools/chart/go.mod"),
        go_sum: include_str!("../../tools/chart/go.sum"),
        duration: "less than 1 minute",
        module,
        version_package: None,
    }
}

const fn kube(name: &'static str, package: &'static str, duration: &'static str) -> Pinned {
    Pinned {
        name,
        package,
        go_mod: include_str!("../../tools/kube/go.mod"),
        go_sum: include_str!("../../tools/kube/go.sum"),
        duration,
        module: "k8s.io/kubernetes",
        // A server that reports v0.0.0 is refused by clients that compare versions.
        version_package: Some("k8s.io/component-base/version"),
    }
}

impl Pinned {
    /// The version without its `v`, as the module file has it: there is no second place to change.
    pub(super) fn version(&self) -> &'static str {
        let words = self.go_mod.split_whitespace();
        let mut versions = words
            .clone()
            .zip(words.skip(1))
            .filter_map(|(module, version)| {
                (module == self.module)
                    .then(|| version.strip_prefix('v'))
                    .flatten()
            });
        versions
            .next()
            .expect("a test shows that each module file requires its program's module")
    }

    /// Changes whenever the program would.
    pub(super) fn cache_key(&self) -> String {
        let pins = cache::digest(&[self.go_mod, self.go_sum]);
        format!("tools/{}-{}-{pins}", self.name, self.version())
    }

    pub(super) fn linker_flags(&self) -> String {
        let without_debug_symbols = "-s -w";
        let Some(package) = self.version_package else {
            return without_debug_symbols.to_owned();
        };
        let version = self.version();
        let mut numbers = version.split('.');
        let (major, minor) = (numbers.next().unwrap_or("0"), numbers.next().unwrap_or("0"));
        format!(
            "{without_debug_symbols} -X {package}.gitVersion=v{version} \
             -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{
        CONTROLLER_MANAGER, ETCD, ETCDCTL, ETCDUTL, GLUA, HELM, HELM_DOCS, KUBE_APISERVER,
        KUBE_PROXY, KUBE_SCORE, KUBECONFORM, KUBECTL, KUBELET, Pinned, SCHEDULER,
    };

    const ALL: [&Pinned; 14] = [
        &KUBE_PROXY,
        &CONTROLLER_MANAGER,
        &SCHEDULER,
        &KUBELET,
        &ETCD,
        &ETCDCTL,
        &ETCDUTL,
        &KUBE_APISERVER,
        &KUBECTL,
        &HELM,
        &KUBECONFORM,
        &KUBE_SCORE,
        &HELM_DOCS,
        &GLUA,
    ];

    #[test]
    fn versions_come_from_the_module_files() {
        for tool in ALL {
            let numbers: Vec<u32> = tool
                .version()
                .split('.')
                .map(|number| number.parse().unwrap())
                .collect();
            assert_eq!(numbers.len(), 3, "{}: {}", tool.name, tool.version());
        }
    }

    #[test]
    fn module_files_name_each_package_as_a_tool() {
        for tool in ALL {
            assert!(tool.go_mod.contains(tool.package), "{}", tool.name);
        }
    }
}
