//! The cluster's certificates: one authority, a pair of server certificates and one per client.

use std::io;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};

use crate::address::{KUBERNETES_SERVICE, NODE, NODE_NAME};
use crate::place::Place;

/// Certificates that could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The cryptography failed.
    #[error("cannot make certificates: {0}")]
    Make(#[from] rcgen::Error),
    /// A file could not be written.
    #[error("cannot keep certificates: {0}")]
    Io(#[from] io::Error),
}

/// A client of the API server: who it is, by Kubernetes' convention CN = user and O = group.
#[derive(Debug)]
pub(crate) struct Client {
    /// Stem of its files' names.
    pub(crate) file: &'static str,
    user: &'static str,
    group: &'static str,
}

/// Group of lab programs that only read; bound to the role `view` once the API server is up.
pub(crate) const READERS: &str = "flow-lab:readers";

/// All clients. The built-in roles give each control-plane component what it needs.
pub(crate) const CLIENTS: [Client; 8] = [
    Client { file: "admin", user: "flow-lab:admin", group: "system:masters" },
    Client { file: "apiserver-kubelet", user: "kube-apiserver-kubelet-client", group: "system:masters" },
    Client { file: "controller-manager", user: "system:kube-controller-manager", group: "" },
    Client { file: "scheduler", user: "system:kube-scheduler", group: "" },
    Client { file: "kubelet", user: "system:node:flow-lab", group: "system:nodes" },
    Client { file: "proxy", user: "system:kube-proxy", group: "" },
    Client { file: "coredns", user: "flow-lab:coredns", group: READERS },
    Client { file: "prometheus", user: "flow-lab:prometheus", group: READERS },
];

type Authority = CertifiedIssuer<'static, KeyPair>;

/// Makes all certificates and writes them, with their keys, to the lab's `pki` folder.
pub(crate) fn write(place: &Place) -> Result<(), PkiError> {
    let key = KeyPair::generate()?;
    fs_err::write(place.pki("ca.key"), key.serialize_pem())?;
    let authority = authority(key)?;
    fs_err::write(place.pki("ca.crt"), authority.pem())?;
    let service_accounts = KeyPair::generate()?;
    fs_err::write(place.pki("service-accounts.key"), service_accounts.serialize_pem())?;
    fs_err::write(place.pki("service-accounts.pub"), service_accounts.public_key_pem())?;
    for (file, names) in [("apiserver", apiserver_names()), ("kubelet-server", vec![NODE, NODE_NAME])] {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        issue(place, &authority, file, &server(names)?)?;
    }
    CLIENTS.iter().try_for_each(|client| issue(place, &authority, client.file, &client.parameters()?))
}

/// Makes another certificate of the same authority for the API server.
pub(crate) fn renew_apiserver(place: &Place) -> Result<(), PkiError> {
    let key = KeyPair::from_pem(&fs_err::read_to_string(place.pki("ca.key"))?)?;
    let names = apiserver_names().into_iter().map(str::to_owned).collect();
    issue(place, &authority(key)?, "apiserver", &server(names)?)
}

fn apiserver_names() -> Vec<&'static str> {
    vec![
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
        "127.0.0.1",
        NODE,
        KUBERNETES_SERVICE,
    ]
}

fn authority(key: KeyPair) -> Result<Authority, rcgen::Error> {
    let mut parameters = named("flow-lab-ca", "")?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    CertifiedIssuer::self_signed(parameters, key)
}

fn server(names: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "flow-lab-server");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(parameters)
}

impl Client {
    fn parameters(&self) -> Result<CertificateParams, rcgen::Error> {
        let mut parameters = named(self.user, self.group)?;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Ok(parameters)
    }
}

fn named(user: &str, group: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, user);
    if !group.is_empty() {
        parameters.distinguished_name.push(DnType::OrganizationName, group);
    }
    Ok(parameters)
}

fn issue(
    place: &Place,
    authority: &Authority,
    file: &str,
    parameters: &CertificateParams,
) -> Result<(), PkiError> {
    let key = KeyPair::generate()?;
    let certificate = parameters.signed_by(&key, authority)?;
    fs_err::write(place.pki(&format!("{file}.crt")), certificate.pem())?;
    fs_err::write(place.pki(&format!("{file}.key")), key.serialize_pem())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &tempfile::TempDir) -> Place {
        let place = Place::new("pki".parse().unwrap(), folder.path().to_owned());
        fs_err::create_dir(place.state().join("pki")).unwrap();
        write(&place).unwrap();
        place
    }

    #[test]
    fn a_renewal_leaves_everything_but_the_certificate_of_the_api_server() {
        let folder = tempfile::tempdir().unwrap();
        let place = written(&folder);
        let read = |file: &str| fs_err::read(place.pki(file)).unwrap();
        let (authority, server, key) = (read("ca.crt"), read("apiserver.crt"), read("apiserver.key"));
        renew_apiserver(&place).unwrap();
        assert_eq!(read("ca.crt"), authority);
        assert!(read("apiserver.crt") != server && read("apiserver.key") != key);
    }

    #[test]
    fn each_client_has_a_certificate_and_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let place = written(&folder);
        for file in CLIENTS.iter().map(|client| client.file).chain(["apiserver", "kubelet-server"]) {
            let pem = |end: &str| fs_err::read_to_string(place.pki(&format!("{file}.{end}"))).unwrap();
            assert!(pem("crt").starts_with("-----BEGIN CERTIFICATE-----"), "{file}");
            assert!(pem("key").starts_with("-----BEGIN PRIVATE KEY-----"), "{file}");
        }
    }

    #[test]
    fn the_kubelets_user_is_the_node() {
        let kubelet = CLIENTS.iter().find(|client| client.file == "kubelet").unwrap();
        assert_eq!(kubelet.user, format!("system:node:{NODE_NAME}"));
    }
}
