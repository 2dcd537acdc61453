use crate::copies::{ORIGINALS, Originals};
use crate::exporter::{ADDRESS, Exporter};
use crate::process::{Program, ours};
use crate::{FOLDER, load, operator, run};
use flow_e2e::kubectl::{in_repository, kubectl};
use flow_e2e::metrics::get;
use flow_e2e::program;
use flow_e2e::wait::{Look, until};
use flow_e2e::{Cluster, Error, Result};
use flow_lab::{Component, Lab};
use flow_policy::FlowPolicy;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::sleep;

/// What nobody needs here, and would watch 100,000 pods: kwok plays nodes and pods, and no controller makes any.
const AT_REST: [Component; 8] = [
    Component::Prometheus,
    Component::Coredns,
    Component::KubeProxy,
    Component::Kubelet,
    Component::KubeScheduler,
    Component::KubeControllerManager,
    Component::Buildkitd,
    Component::Containerd,
];

/// Where reflectors answer: the node's own address, which is in this network alone.
const HOST: &str = "198.18.0.1";
const PORTS: std::ops::Range<u16> = 5201..5205;

const PROMETHEUS: &str = "127.0.0.1:9190";
const PATIENCE: Duration = Duration::from_mins(1);

/// To look at 100,000 pods takes the API server long.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// Everything but the operator.
pub(crate) struct Bed {
    pub(crate) cluster: Cluster,
    pub(crate) exporter: Exporter,
    /// How many policies are there.
    policies: usize,
    originals: Originals,
    programs: Vec<Program>,
}

/// The address of the reflector that the policies of this number share.
pub(crate) fn reflector(number: usize) -> (&'static str, u16) {
    let port = PORTS.clone().cycle().nth(number % PORTS.len());
    (HOST, port.unwrap_or(PORTS.start))
}

impl Bed {
    pub(crate) async fn make() -> Result<Self> {
        fs_err::create_dir_all(in_repository(FOLDER))?;
        let control = Lab::current()?.control();
        for component in AT_REST {
            match control.stop(component).map_err(|error| error.to_string()) {
                // In a lab that was kept, it rests already.
                Err(problem) if !problem.ends_with("is not running") => Err(std::io::Error::other(problem))?,
                _ => {}
            }
        }
        let definition = in_repository("crds/flow.fustli.io_flowpolicies.yaml");
        program::run("kubectl", ["apply", "--server-side", "-f", &definition.to_string_lossy()]).await?;
        kubectl("wait --for=condition=Established crd/flowpolicies.flow.fustli.io --timeout=30s").await?;
        let cluster = Cluster::connect().await?;
        let exporter = Exporter::serve().await?;
        let mut programs = vec![prometheus()?];
        for port in PORTS {
            programs.push(reflect(port)?);
        }
        until("Prometheus", PATIENCE, async || {
            let (status, said) = get(&format!("http://{PROMETHEUS}/-/ready")).await?;
            Ok(Look::when(status == 200, || said))
        })
        .await?;
        // A lab that was kept has some already.
        let mut policies = load::count::<FlowPolicy>(&cluster.client).await?;
        if policies < ORIGINALS {
            make_originals(&cluster.client, &exporter).await?;
            policies = ORIGINALS;
        }
        let originals = Originals::read(&cluster.client).await?;
        Ok(Self { cluster, exporter, policies, originals, programs })
    }

    /// Where Prometheus is asked.
    pub(crate) fn prometheus_url() -> String {
        format!("http://{PROMETHEUS}")
    }

    /// Adds copies until there are so many policies, and waits until the API server knows all their pods.
    pub(crate) async fn grow(&mut self, policies: usize) -> Result<()> {
        self.exporter.export(policies / 2);
        self.originals.store(self.policies..policies).await?;
        self.policies = self.policies.max(policies);
        let client = &self.cluster.client;
        until("an API server that knows all", PATIENCE, async || {
            sleep(BETWEEN_LOOKS).await;
            let (pods, seen) = (load::count::<Pod>(client).await?, load::count::<FlowPolicy>(client).await?);
            let is_all = pods >= self.policies * load::PODS_OF_EACH && seen >= self.policies;
            Ok(Look::when(is_all, || format!("{pods} pods, {seen} policies")))
        })
        .await
    }

    pub(crate) async fn stop(self) -> Result<()> {
        for program in self.programs {
            program.stop().await?;
        }
        Ok(())
    }
}

/// Makes the first policies and their pods, lets kwok run these, and the operator limit them.
async fn make_originals(client: &Client, exporter: &Exporter) -> Result<()> {
    let kwok = kwok()?;
    load::nodes(client).await?;
    load::pods(client, ORIGINALS).await?;
    until("pods that run", PATIENCE, async || {
        sleep(BETWEEN_LOOKS).await;
        let pending = pending_pods().await?;
        Ok(Look::when(pending == 0, || format!("{pending} pods do not")))
    })
    .await?;
    // Nothing of what follows is up to it, and it would watch 100,000 pods.
    kwok.stop().await?;
    exporter.export(ORIGINALS / 2);
    load::policies(client, ORIGINALS).await?;
    run::take_up(ORIGINALS).await
}

/// How many pods do not run yet, by the API server's cache.
async fn pending_pods() -> Result<usize> {
    let pods = "/api/v1/pods?resourceVersion=0&fieldSelector=status.phase%3DPending";
    let list = kubectl(&format!("get --raw {pods}")).await?;
    let list: Value = serde_json::from_str(&list).map_err(std::io::Error::from)?;
    list.get("items")
        .and_then(Value::as_array)
        .map(Vec::len)
        .ok_or_else(|| Error::Missing("a list of pods".to_owned()))
}

fn kwok() -> Result<Program> {
    let stages = in_repository("tests/scale/kwok.yaml");
    let kubeconfig = std::env::var("KUBECONFIG").unwrap_or_default();
    let arguments = [
        format!("--config={}", stages.display()),
        format!("--kubeconfig={kubeconfig}"),
        "--manage-nodes-with-label-selector=type=kwok".to_owned(),
        // Nobody asks whether the nodes live: so they need no lease.
        "--node-lease-duration-seconds=0".to_owned(),
        "--v=WARN".to_owned(),
    ];
    Program::start("kwok", "kwok", arguments)
}

fn reflect(port: u16) -> Result<Program> {
    let listen = format!("{HOST}:{port}");
    Program::start(&format!("reflector-{port}"), ours("flow-manager"), ["reflect", "--udp", &listen])
}

fn prometheus() -> Result<Program> {
    let config = configuration("prometheus.json", &prometheus_configuration())?;
    let data = in_repository(FOLDER).join("prometheus");
    if data.exists() {
        fs_err::remove_dir_all(&data)?;
    }
    let arguments = [
        format!("--config.file={}", config.display()),
        format!("--storage.tsdb.path={}", data.display()),
        format!("--web.listen-address={PROMETHEUS}"),
    ];
    Program::start("prometheus", "prometheus", arguments)
}

fn configuration(name: &str, value: &Value) -> Result<PathBuf> {
    let path = in_repository(FOLDER).join(name);
    fs_err::write(&path, format!("{value:#}\n"))?;
    Ok(path)
}

/// What is measured is scraped each second, and the operator as often as the chart asks for.
fn prometheus_configuration() -> Value {
    let job = |name: &str, interval: &str, target: &str| {
        json!({
            "job_name": name, "scrape_interval": interval, "scrape_timeout": interval,
            "static_configs": [{"targets": [target]}],
        })
    };
    json!({"scrape_configs": [job("probes", "1s", ADDRESS), job("flow-manager", "15s", operator::ADDRESS)]})
}
