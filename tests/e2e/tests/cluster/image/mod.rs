//! The image, and every command of the guide to building it, against real tools and a real registry.

use self::guide::{commands_of, sections};
use self::registry::{Registry, failure, shell};
use serde_json::Value;

mod content;
mod guide;
mod registry;
mod without_rust;

const MAKE: &str = "With make";
const NERDCTL: &str = "With nerdctl";
const BUILDCTL: &str = "With buildctl";
const ARCHIVE: &str = "Without a registry";
const DIGEST: &str = "The same digest again";

/// What containerd knows of the image with that name.
async fn inspect(name: &str) -> Value {
    let text = shell(&format!("nerdctl image inspect --mode=native {name}")).await.unwrap();
    let images: Value = serde_json::from_str(&text).unwrap();
    images[0].clone()
}

#[test]
fn no_section_with_commands_is_left_untested() {
    let with_commands = sections().into_iter().filter(|(_, commands)| !commands.is_empty());
    let headings: Vec<String> = with_commands.map(|(heading, _)| heading).collect();
    assert_eq!(headings, [MAKE, NERDCTL, BUILDCTL, ARCHIVE, without_rust::HEADING, DIGEST]);
}

#[tokio::test]
async fn nerdctl_builds_shows_runs_and_pushes_once_logged_in() {
    let _registry = Registry::with_login().await;
    let [build, look, push] = commands_of(NERDCTL).try_into().unwrap();
    shell(&build).await.unwrap();
    let seen = shell(&look).await.unwrap();
    for expected in ["fustli/flow-manager", "\"User\": \"1000\"", "Usage: flow-manager"] {
        assert!(seen.contains(expected), "{expected} is missing in\n{seen}");
    }
    let (login, rest) = push.split_once('\n').unwrap();
    let refused = failure(rest).await;
    assert!(refused.contains("no basic auth credentials"), "{refused}");
    let unknown = failure(&login.replace("$REGISTRY_PASSWORD", "wrong")).await;
    assert!(unknown.contains("too many 401"), "{unknown}");
    assert_eq!(Registry::tags(), Vec::<String>::new());
    shell(&push).await.unwrap();
    assert_eq!(Registry::tags(), ["latest"]);
}

#[tokio::test]
async fn buildctl_builds_and_pushes_in_one_step() {
    let _registry = Registry::open().await;
    let [push] = commands_of(BUILDCTL).try_into().unwrap();
    shell(&push).await.unwrap();
    assert_eq!(Registry::tags(), ["latest"]);
}

#[tokio::test]
async fn buildctl_pushes_with_the_login_of_nerdctl_and_says_so_where_there_is_none() {
    let _registry = Registry::with_login().await;
    let [push] = commands_of(BUILDCTL).try_into().unwrap();
    let refused = failure(&push).await;
    assert!(refused.contains("401 Unauthorized"), "{refused}");
    let login = commands_of(NERDCTL).pop().unwrap();
    shell(login.lines().next().unwrap()).await.unwrap();
    shell(&push).await.unwrap();
    assert_eq!(Registry::tags(), ["latest"]);
}

#[tokio::test]
async fn ctr_imports_the_archive_that_buildctl_wrote() {
    shell("nerdctl image rm --force fustli/flow-manager:latest").await.unwrap();
    let [import] = commands_of(ARCHIVE).try_into().unwrap();
    let said = shell(&format!("{import}\nrm /tmp/flow-manager.tar")).await.unwrap();
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("docker.io/fustli/flow-manager:latest"), "{said}");
    let help = shell("nerdctl run --rm fustli/flow-manager:latest --help").await.unwrap();
    assert!(help.contains("Usage: flow-manager"), "{help}");
}

#[tokio::test]
async fn make_builds_the_commit_and_builds_it_again_with_the_same_digest() {
    let [first] = commands_of(MAKE).try_into().unwrap();
    shell(&first).await.unwrap();
    let image = inspect("fustli/flow-manager:latest").await;
    let commit = shell("git describe --always --abbrev=40 --exclude '*' --dirty").await.unwrap();
    let labels = &image["ImageConfig"]["config"]["Labels"];
    assert_eq!(labels["org.opencontainers.image.revision"], commit.trim());
    assert_eq!(labels["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
    let [second] = commands_of(DIGEST).try_into().unwrap();
    // Without its cache the builder has to make each layer again.
    let said = shell(&format!("buildctl prune --all\n{second}")).await.unwrap();
    let digest = image["Image"]["Target"]["digest"].as_str().unwrap();
    assert!(said.contains(digest), "{digest} is missing in\n{said}");
}
