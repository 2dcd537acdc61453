//! The machines outside the cluster.

use crate::images::{FACTORY, FLOW_MANAGER};
use crate::kubectl::apply_object;
use crate::{Error, Result, SERVICE_PORT};
use flow_lab::address;
use serde_json::json;
use std::process::{Child, Command, Stdio};

/// The address of the machine with the critical service.
pub const HOST: &str = flow_lab::address::FACTORY;
/// The port of the sink of the best-effort traffic.
const SINK_PORT: u16 = 5202;
/// Where the critical service listens while a fault stands before it.
const HIDDEN_PORT: u16 = 5211;
/// The namespace of the demo's objects.
pub const NAMESPACE: &str = "factory";

/// The machines outside the cluster: the critical service, and the sink of the best-effort traffic.
pub struct Factory {
    service: Vec<Program>,
    sink: Option<Program>,
}

impl Factory {
    /// Starts the critical service; the sink is off, so best effort cannot send.
    pub fn start() -> Result<Self> {
        let service = vec![reflector("0.0.0.0", SERVICE_PORT)?];
        Ok(Self { service, sink: None })
    }

    /// From now on the way to the critical service has a fault that no limit can cure: each datagram takes a random
    /// time of up to `delay_ms` longer.
    pub fn break_service(&mut self, delay_ms: u32) -> Result<()> {
        self.service.clear();
        let (listen, to) = (format!("0.0.0.0:{SERVICE_PORT}"), format!("127.0.0.1:{HIDDEN_PORT}"));
        self.service.push(reflector("127.0.0.1", HIDDEN_PORT)?);
        self.service.push(in_factory(&[
            FACTORY,
            "relay",
            &listen,
            &to,
            "--delay-ms",
            &delay_ms.to_string(),
        ])?);
        Ok(())
    }

    /// Ends that fault.
    pub fn mend_service(&mut self) -> Result<()> {
        self.service.clear();
        self.service.push(reflector("0.0.0.0", SERVICE_PORT)?);
        Ok(())
    }

    /// Starts the sink: best effort sends all it can, without a change to any pod.
    pub fn open_sink(&mut self) -> Result<()> {
        self.sink = Some(in_factory(&[FACTORY, "sink", &format!("0.0.0.0:{SINK_PORT}")])?);
        Ok(())
    }

    /// Lets all that runs go on after this program has ended, until the lab is taken down.
    pub fn leave_running(self) {
        std::mem::forget(self);
    }

    /// Ends the sink and its connections.
    pub fn close_sink(&mut self) {
        self.sink = None;
    }
}

fn reflector(host: &str, port: u16) -> Result<Program> {
    let listen = format!("{host}:{port}");
    in_factory(&[FLOW_MANAGER, "reflect", "--udp", &listen, "--tcp", &listen])
}

/// A program that ends with this.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // One that has already ended cannot be killed, and needs not.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program in the network of the factory.
fn in_factory(command: &[&str]) -> Result<Program> {
    let mut inside = Command::new("ip");
    inside.args(["netns", "exec", "factory"]).args(command);
    let child = inside.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.map(Program).map_err(|source| Error::Start { program: command.join(" "), source })
}

/// Makes the critical service known in the cluster, by the name `robot-control.factory.svc`.
pub async fn publish() -> Result<()> {
    apply_object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})).await?;
    let port = json!({"name": "commands", "port": SERVICE_PORT, "protocol": "UDP"});
    apply_object(&json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "robot-control", "namespace": NAMESPACE},
        "spec": {"ports": [port]},
    }))
    .await?;
    apply_object(&json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "robot-control-1",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": "robot-control"},
        },
        "addressType": "IPv4",
        "ports": [port],
        "endpoints": [{"addresses": [address::FACTORY]}],
    }))
    .await?;
    Ok(())
}
