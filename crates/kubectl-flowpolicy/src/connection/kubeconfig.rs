use super::flags::Flags;
use super::{Failure, Session};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

/// Makes the connection that `flags` describe: by the kubeconfig, or where there is none, as a pod of a cluster does.
pub(super) async fn connect(flags: &Flags) -> Result<Session, Failure> {
    let mut config = configure(flags).await?;
    if !flags.request_timeout.is_zero() {
        config.connect_timeout = Some(flags.request_timeout);
    }
    config.default_retry = false;
    let (namespace, server) = (config.default_namespace.clone(), config.cluster_url.to_string());
    let client = Client::try_from(config).map_err(|error| Failure::Kubeconfig(error.to_string()))?;
    Ok(Session { client, namespace, server: server.trim_end_matches('/').to_owned() })
}

async fn configure(flags: &Flags) -> Result<Config, Failure> {
    let read = match &flags.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    match read {
        Ok(kubeconfig) => of_context(kubeconfig, flags.context.clone()).await,
        Err(problem) if is_missing(&problem) && flags.kubeconfig.is_none() && flags.context.is_none() => {
            let told =
                |_| Failure::NoCluster(format!("{}, and this is no pod of a cluster", words(&problem)));
            Config::incluster().map_err(told)
        }
        Err(problem) if is_missing(&problem) => Err(Failure::NoCluster(words(&problem))),
        Err(problem) => Err(Failure::Kubeconfig(words(&problem))),
    }
}

async fn of_context(kubeconfig: Kubeconfig, context: Option<String>) -> Result<Config, Failure> {
    if let Some(found) = context.as_ref().or(kubeconfig.current_context.as_ref())
        && !kubeconfig.contexts.iter().any(|named| named.name == *found)
    {
        return Err(unknown_context(&kubeconfig, found));
    }
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let read = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    read.map_err(|problem| Failure::Kubeconfig(words(&problem)))
}

fn unknown_context(kubeconfig: &Kubeconfig, found: &str) -> Failure {
    let known: Vec<_> = kubeconfig.contexts.iter().map(|named| named.name.as_str()).collect();
    let known = if known.is_empty() { "is none".to_owned() } else { format!("are {}", known.join(", ")) };
    Failure::Context { found: found.to_owned(), known }
}

fn is_missing(problem: &KubeconfigError) -> bool {
    match problem {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(error, _) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

/// A problem as a person would tell it.
fn words(problem: &KubeconfigError) -> String {
    match problem {
        KubeconfigError::FindPath => "there is no home directory to look for .kube/config in".to_owned(),
        KubeconfigError::ReadConfig(error, path) => format!("{}: {error}", path.display()),
        KubeconfigError::CurrentContextNotSet => "no context is current; name one with --context".to_owned(),
        // What follows the first line shows the place in the file.
        problem => problem.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}
