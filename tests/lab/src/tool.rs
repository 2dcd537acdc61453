//! The programs of the cluster, and the recipe by which each set is built from its source.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::hex::hex;

/// Environment variable that chooses the folder of built programs.
const CACHE_VARIABLE: &str = "FLOW_LAB_CACHE";
const MINUTE: u64 = 60;

/// The files of the Go module in a folder of `tools`.
macro_rules! module {
    ($folder:literal) => {
        &[
            ("go.mod", include_str!(concat!("../tools/", $folder, "/go.mod"))),
            ("go.sum", include_str!(concat!("../tools/", $folder, "/go.sum"))),
        ]
    };
}

/// A Go module of ours whose dependencies are the programs to build.
#[derive(Debug)]
pub struct Tool {
    /// What is built.
    pub name: &'static str,
    /// Its version, as its authors count.
    pub version: &'static str,
    /// The programs that come out.
    pub programs: &'static [&'static str],
    /// The files of the module: name and text.
    pub(crate) sources: &'static [(&'static str, &'static str)],
    /// Arguments of `go build`, save where to put the programs.
    pub(crate) arguments: &'static [&'static str],
    /// A cold build on two cores.
    pub expected: Duration,
    /// Who needs it.
    pub needed_by: Need,
}

/// Who needs a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Every lab: the demo, and whoever looks around.
    Lab,
    /// The project's own tests.
    Tests,
    /// The benchmark of scale alone.
    Bench,
}

/// All programs that a lab has.
pub const TOOLS: [Tool; 14] = [
    Tool {
        name: "kubernetes",
        version: "1.37.2",
        programs: &[
            "server",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kube-proxy",
            "kubectl",
        ],
        sources: module!("kubernetes"),
        // Without a version kubectl and the API server call themselves v0.0.0.
        arguments: &[
            "-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 \
             -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37",
            "tool",
        ],
        expected: Duration::from_secs(12 * MINUTE),
        needed_by: Need::Lab,
    },
    Tool {
        name: "containerd",
        version: "2.4.2",
        programs: &["containerd", "containerd-shim-runc-v2", "ctr"],
        sources: module!("containerd"),
        // btrfs needs C headers.
        arguments: &["-ldflags=-s -w", "-tags=no_btrfs", "tool"],
        expected: Duration::from_secs(3 * MINUTE),
        needed_by: Need::Lab,
    },
    Tool {
        name: "cni",
        version: "1.9.1",
        programs: &["bridge", "host-local", "loopback", "portmap", "bandwidth"],
        sources: module!("cni"),
        arguments: &["-ldflags=-s -w", "tool"],
        expected: Duration::from_secs(15),
        needed_by: Need::Lab,
    },
    Tool {
        name: "prometheus",
        version: "3.16.0",
        programs: &["prometheus", "promtool"],
        sources: module!("prometheus"),
        arguments: &["-ldflags=-s -w", "-tags=remove_all_sd,enable_kubernetes_sd", "tool"],
        expected: Duration::from_secs(4 * MINUTE),
        needed_by: Need::Lab,
    },
    Tool {
        name: "coredns",
        version: "1.14.0",
        programs: &["coredns"],
        sources: &[
            ("go.mod", include_str!("../tools/coredns/go.mod")),
            ("go.sum", include_str!("../tools/coredns/go.sum")),
            ("main.go", include_str!("../tools/coredns/main.go")),
        ],
        arguments: &["-ldflags=-s -w", "."],
        expected: Duration::from_secs(2 * MINUTE),
        needed_by: Need::Lab,
    },
    Tool {
        name: "buildkit",
        version: "0.26.3",
        programs: &["buildkitd", "buildctl"],
        sources: module!("buildkit"),
        arguments: &["-ldflags=-s -w -X github.com/moby/buildkit/version.Version=v0.26.3", "tool"],
        expected: Duration::from_secs(2 * MINUTE),
        needed_by: Need::Lab,
    },
    Tool {
        name: "nerdctl",
        version: "2.0.4",
        programs: &["nerdctl"],
        sources: module!("nerdctl"),
        arguments: &["-ldflags=-s -w -X github.com/containerd/nerdctl/v2/pkg/version.Version=v2.0.4", "tool"],
        expected: Duration::from_secs(2 * MINUTE),
        needed_by: Need::Lab,
    },
    Tool {
        name: "helm",
        version: "4.3.1",
        programs: &["helm"],
        sources: module!("helm"),
        arguments: &["-ldflags=-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1", "tool"],
        expected: Duration::from_secs(2 * MINUTE),
        needed_by: Need::Lab,
    },
    Tool {
        name: "helm3",
        version: "3.22.0",
        programs: &["helm"],
        sources: module!("helm3"),
        arguments: &["-ldflags=-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0", "tool"],
        expected: Duration::from_secs(2 * MINUTE),
        needed_by: Need::Tests,
    },
    Tool {
        name: "registry",
        version: "3.1.2",
        programs: &["registry"],
        sources: module!("registry"),
        arguments: &["-ldflags=-s -w", "tool"],
        expected: Duration::from_secs(MINUTE),
        needed_by: Need::Tests,
    },
    Tool {
        name: "kube-score",
        version: "1.20.0",
        programs: &["kube-score"],
        sources: module!("kube-score"),
        arguments: &["-ldflags=-s -w", "tool"],
        expected: Duration::from_secs(MINUTE),
        needed_by: Need::Tests,
    },
    Tool {
        name: "helm-docs",
        version: "1.14.2",
        programs: &["helm-docs"],
        sources: module!("helm-docs"),
        arguments: &["-ldflags=-s -w", "tool"],
        expected: Duration::from_secs(MINUTE),
        needed_by: Need::Tests,
    },
    Tool {
        name: "gitops",
        // That of kstatus.
        version: "0.37.2",
        programs: &["gitops"],
        sources: &[
            ("go.mod", include_str!("../tools/gitops/go.mod")),
            ("go.sum", include_str!("../tools/gitops/go.sum")),
            ("main.go", include_str!("../tools/gitops/main.go")),
        ],
        arguments: &["-ldflags=-s -w", "."],
        expected: Duration::from_secs(MINUTE),
        needed_by: Need::Tests,
    },
    Tool {
        name: "kwok",
        version: "0.8.0",
        programs: &["kwok"],
        sources: module!("kwok"),
        arguments: &["-ldflags=-s -w", "tool"],
        expected: Duration::from_secs(3 * MINUTE),
        needed_by: Need::Bench,
    },
];

impl Tool {
    /// Names all that the result depends on, so that a changed recipe is built anew.
    #[must_use]
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        for part in self.sources.iter().flat_map(|(name, text)| [name, text]).chain(self.arguments) {
            // The length keeps a word that moves from one part to the next from going unseen.
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let digest = hex(&hash.finalize());
        let digest: String = digest.chars().take(12).collect();
        format!("{}-{}-{digest}", self.name, self.version)
    }

    /// Where the programs are once built.
    #[must_use]
    pub fn folder(&self, cache: &Path) -> PathBuf {
        cache.join(self.key())
    }

    /// What a lab calls one of its programs. A name is taken only once on a search path.
    #[must_use]
    pub fn called(&self, program: &'static str) -> &'static str {
        match (self.name, program) {
            // etcd's own name for its main package.
            ("kubernetes", "server") => "etcd",
            ("helm3", "helm") => "helm3",
            _ => program,
        }
    }

    /// Whether all programs are there.
    #[must_use]
    pub fn is_built(&self, cache: &Path) -> bool {
        self.programs.iter().all(|program| self.folder(cache).join(program).is_file())
    }
}

/// Where the program is that a lab calls so, if it is built.
#[must_use]
pub fn built(name: &str) -> Option<PathBuf> {
    let cache = cache();
    let programs = TOOLS.iter().flat_map(|tool| tool.programs.iter().map(move |program| (tool, program)));
    let mut found = programs.filter(|(tool, program)| tool.called(program) == name);
    found.next().map(|(tool, program)| tool.folder(&cache).join(program)).filter(|path| path.is_file())
}

/// The folder of built programs: outside any checkout, so that a fresh clone finds them.
#[must_use]
pub fn cache() -> PathBuf {
    env::var_os(CACHE_VARIABLE).map_or_else(default_cache, PathBuf::from)
}

fn default_cache() -> PathBuf {
    let home = env::var_os("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from);
    home.join(".cache/flow-manager/lab")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(sources: &'static [(&'static str, &'static str)], arguments: &'static [&'static str]) -> Tool {
        Tool {
            name: "x",
            version: "1",
            programs: &["x"],
            sources,
            arguments,
            expected: Duration::ZERO,
            needed_by: Need::Lab,
        }
    }

    #[test]
    fn the_key_changes_with_each_part_of_the_recipe() {
        let keys = [
            tool(&[("go.mod", "a"), ("go.sum", "b")], &["tool"]).key(),
            tool(&[("go.mod", "ab"), ("go.sum", "")], &["tool"]).key(),
            tool(&[("go.mod", "a"), ("go.sum", "b")], &["-tags=y", "tool"]).key(),
            tool(&[("go.mod", "a"), ("main.go", "b")], &["tool"]).key(),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(keys[0], tool(&[("go.mod", "a"), ("go.sum", "b")], &["tool"]).key());
        assert!(keys[0].starts_with("x-1-"));
    }

    #[test]
    fn each_version_stands_in_the_module_that_is_built() {
        let pinned = [
            "k8s.io/kubernetes v1.37.2",
            "containerd/v2 v2.4.2",
            "plugins v1.9.1",
            "v0.316.0",
            "coredns v1.14.0",
            "buildkit v0.26.3",
            "nerdctl/v2 v2.0.4",
            "helm/v4 v4.3.1",
            "helm/v3 v3.22.0",
            "distribution/v3 v3.1.2",
            "kube-score v1.20.0",
            "helm-docs v1.14.2",
            "cli-utils v0.37.2",
            "kwok v0.8.0",
        ];
        assert_eq!(TOOLS.len(), pinned.len());
        for (tool, version) in TOOLS.iter().zip(pinned) {
            assert!(tool.sources[0].1.contains(version), "{} is not {version}", tool.name);
        }
    }

    #[test]
    fn no_two_programs_are_called_alike() {
        let names = TOOLS.iter().flat_map(|tool| tool.programs.iter().map(|program| tool.called(program)));
        let (count, distinct) = (names.clone().count(), names.collect::<std::collections::BTreeSet<_>>());
        assert_eq!(distinct.len(), count, "{distinct:?}");
    }

    #[test]
    fn half_a_set_of_programs_is_not_built() {
        let cache = tempfile::tempdir().unwrap();
        let cni = &TOOLS[2];
        fs_err::create_dir_all(cni.folder(cache.path())).unwrap();
        let (last, first) = cni.programs.split_last().unwrap();
        for name in first {
            fs_err::write(cni.folder(cache.path()).join(name), "").unwrap();
        }
        assert!(!cni.is_built(cache.path()));
        fs_err::write(cni.folder(cache.path()).join(last), "").unwrap();
        assert!(cni.is_built(cache.path()));
    }
}
