//! Names to addresses, again and again.
//!
//! Asks the name servers of `/etc/resolv.conf` and reads `/etc/hosts` itself: the C library's resolver cannot
//! be relied on in a static binary. Both files are read for each look-up and nothing is cached, so that any
//! change is seen at the next.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{LookupIpStrategy, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::system_conf::parse_resolv_conf;
use hickory_resolver::{Hosts, Resolver, TokioResolver};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::address_rules::AddressRules;
use crate::problem::Problem;

/// How often a name with an address is looked up again.
const REFRESH: Duration = Duration::from_secs(5);
/// How often a name without an address is looked up again.
const RETRY: Duration = Duration::from_secs(1);
/// The longest a look-up may take, over all search domains and name servers.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Where names come from.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    resolv_conf: PathBuf,
    hosts: PathBuf,
    refresh: Duration,
    rules: AddressRules,
}

/// What is known of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Resolution {
    /// Nothing yet.
    Pending,
    /// It has this address.
    Address(IpAddr),
    /// It has none that may be probed, or has not been found yet.
    Unresolved(Problem),
}

/// A name that is looked up until this is dropped.
#[derive(Debug)]
pub(crate) struct Followed {
    resolution: watch::Receiver<Resolution>,
    again: Arc<Notify>,
    _task: Option<AbortOnDropHandle<()>>,
}

impl Followed {
    /// What is known now.
    pub(crate) fn current(&mut self) -> Resolution {
        self.resolution.borrow_and_update().clone()
    }

    /// Waits for news: another address, or one more failure to find any.
    pub(crate) async fn changed(&mut self) {
        if self.resolution.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Looks the name up now.
    pub(crate) fn look_up_again(&self) {
        self.again.notify_one();
    }
}

impl Names {
    /// Those of this host.
    pub(crate) fn system() -> Self {
        Self::from_files("/etc/resolv.conf", "/etc/hosts", REFRESH)
    }

    /// Those of other files; a name with an address is looked up again after `refresh`.
    pub(crate) fn from_files(
        resolv_conf: impl Into<PathBuf>,
        hosts: impl Into<PathBuf>,
        refresh: Duration,
    ) -> Self {
        let rules = AddressRules::anywhere();
        Self { resolv_conf: resolv_conf.into(), hosts: hosts.into(), refresh, rules }
    }

    /// The same, but no name has an address that `rules` forbid.
    pub(crate) fn within(self, rules: AddressRules) -> Self {
        Self { rules, ..self }
    }

    /// Looks `host` up regularly, on `runtime`. An IP address stands for itself.
    pub(crate) fn follow(&self, host: &str, runtime: &Handle) -> Followed {
        let again = Arc::new(Notify::new());
        if let Ok(address) = host.parse() {
            let (_, resolution) = watch::channel(permitted(host, address, &self.rules));
            return Followed { resolution, again, _task: None };
        }
        let (known, resolution) = watch::channel(Resolution::Pending);
        let task = follow(self.clone(), host.to_owned(), known, again.clone());
        Followed { resolution, again, _task: Some(AbortOnDropHandle::new(runtime.spawn(task))) }
    }

    /// The addresses of `host`: IPv4, or IPv6 where there is no IPv4.
    async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, NetError> {
        let lookup = self.resolver()?.lookup_ip(host).await?;
        Ok(lookup.iter().collect())
    }

    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let (config, mut options) = self.configuration()?;
        options.cache_size = 0;
        options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        options.use_hosts_file = ResolveHosts::Never;
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        let mut resolver = builder.build()?;
        let mut hosts = Hosts::default();
        hosts.read_hosts_conf(read_if_there(&self.hosts)?.as_slice())?;
        resolver.set_hosts(Arc::new(hosts));
        Ok(resolver)
    }

    /// Without name servers there is still the hosts file.
    fn configuration(&self) -> io::Result<(ResolverConfig, ResolverOpts)> {
        let text = read_if_there(&self.resolv_conf)?;
        Ok(parse_resolv_conf(text).unwrap_or_else(|error| {
            tracing::debug!(%error, "no name servers in {}", self.resolv_conf.display());
            (ResolverConfig::from_name_servers(Vec::new()), ResolverOpts::default())
        }))
    }
}

fn read_if_there(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(Vec::new()),
        _ => Err(error),
    })
}

async fn follow(names: Names, host: String, known: watch::Sender<Resolution>, again: Arc<Notify>) {
    loop {
        let found = timeout(LOOKUP_TIMEOUT, names.look_up(&host)).await.unwrap_or(Err(NetError::Timeout));
        known.send_if_modified(|known| update(known, &host, found, &names.rules));
        let pause = if matches!(*known.borrow(), Resolution::Address(_)) { names.refresh } else { RETRY };
        tokio::select! {
            () = sleep(pause) => {}
            () = again.notified() => {}
        }
    }
}

/// Takes the outcome of a look-up, and says whether it is news.
///
/// An address still among those found is kept, so that rotating answers do not move the probe. It is also kept
/// while no name server can be asked; but not when one says that the name has no address, as another pod may
/// soon have that address. One forbidden address spoils all: who answers for the name could send the probe there
/// next time.
fn update(
    known: &mut Resolution,
    host: &str,
    found: Result<Vec<IpAddr>, NetError>,
    rules: &AddressRules,
) -> bool {
    let forbidden = found.iter().flatten().find(|address| !rules.allows(**address)).copied();
    let next = match (found, &*known) {
        (Ok(found), Resolution::Address(current)) if forbidden.is_none() && found.contains(current) => {
            return false;
        }
        (Err(error), Resolution::Address(_)) if !error.is_no_records_found() => return false,
        (Ok(found), _) => match forbidden.as_ref().or(found.first()) {
            Some(address) => permitted(host, *address, rules),
            None => unresolved(host, "the name has no address"),
        },
        (Err(error), _) if error.is_nx_domain() => unresolved(host, "there is no such name"),
        (Err(error), _) if error.is_no_records_found() => unresolved(host, "the name has no address"),
        (Err(error), _) => unresolved(host, &error.to_string()),
    };
    *known = next;
    true
}

/// What is known of a host at this address.
fn permitted(host: &str, address: IpAddr, rules: &AddressRules) -> Resolution {
    if rules.allows(address) {
        return Resolution::Address(address);
    }
    Resolution::Unresolved(Problem::Forbidden { host: host.to_owned(), address })
}

fn unresolved(host: &str, cause: &str) -> Resolution {
    Resolution::Unresolved(Problem::Unresolved { host: host.to_owned(), cause: cause.to_owned() })
}

#[cfg(test)]
mod tests {
    use hickory_resolver::net::{DnsError, NoRecords};
    use hickory_resolver::proto::op::{Query, ResponseCode};

    use super::*;

    const FIRST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 18, 0, 1));
    const SECOND: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 18, 0, 2));

    fn no_such_name() -> NetError {
        DnsError::NoRecordsFound(NoRecords::new(Query::new(), ResponseCode::NXDomain)).into()
    }

    /// What is known after `found`, and whether it is news.
    fn updated(known: &Resolution, found: Result<Vec<IpAddr>, NetError>) -> (Resolution, bool) {
        let mut known = known.clone();
        let rules = AddressRules::anywhere().deny(&["198.18.9.0/24".parse().unwrap()]);
        let news = update(&mut known, "robot", found, &rules);
        (known, news)
    }

    #[test]
    fn address_still_among_those_found_is_kept() {
        let known = Resolution::Address(FIRST);
        assert_eq!(updated(&known, Ok(vec![SECOND, FIRST])), (known, false));
    }

    #[test]
    fn address_no_longer_found_is_replaced() {
        let known = Resolution::Address(FIRST);
        assert_eq!(updated(&known, Ok(vec![SECOND])), (Resolution::Address(SECOND), true));
    }

    #[test]
    fn address_is_kept_while_no_server_can_be_asked() {
        let known = Resolution::Address(FIRST);
        for error in [
            NetError::Timeout,
            NetError::NoConnections,
            DnsError::ResponseCode(ResponseCode::ServFail).into(),
        ] {
            assert_eq!(updated(&known, Err(error)), (known.clone(), false));
        }
    }

    #[test]
    fn address_is_given_up_when_there_is_no_such_name() {
        let (known, news) = updated(&Resolution::Address(FIRST), Err(no_such_name()));
        assert_eq!(known, unresolved("robot", "there is no such name"));
        assert!(news);
    }

    #[test]
    fn one_forbidden_address_among_those_found_spoils_all_whatever_was_known() {
        let address = IpAddr::from([198, 18, 9, 9]);
        let forbidden = Resolution::Unresolved(Problem::Forbidden { host: "robot".into(), address });
        for known in
            [Resolution::Pending, Resolution::Address(FIRST), Resolution::Address(address), forbidden.clone()]
        {
            for found in [vec![address], vec![FIRST, address], vec![address, SECOND]] {
                assert_eq!(updated(&known, Ok(found)), (forbidden.clone(), true));
            }
        }
        assert_eq!(updated(&forbidden, Ok(vec![FIRST])), (Resolution::Address(FIRST), true));
    }

    #[test]
    fn each_failure_without_an_address_is_news() {
        let known = unresolved("robot", "there is no such name");
        assert_eq!(updated(&known, Err(no_such_name())), (known, true));
    }
}
