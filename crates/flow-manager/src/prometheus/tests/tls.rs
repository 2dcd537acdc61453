use super::super::{Access, Client, CredentialFiles, Source};
use super::Folder;
use super::server::{PATIENCE, one};
use axum::http::HeaderMap;
use flow_control::Finite;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name`, and its key.
fn issue(authority: &Authority, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap(), key)
}

/// A Prometheus that lets in who has a certificate of `authority`, which is its own as well.
async fn serve(authority: &Authority) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (certificate, key) = issue(authority, "127.0.0.1");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.der().to_vec())).unwrap();
    let clients = WebPkiClientVerifier::builder(roots.into()).build().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_client_cert_verifier(clients);
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // Whoever has no certificate fails here, and learns it.
            let Ok(mut connection) = acceptor.accept(connection).await else { continue };
            let Ok(_) = connection.read(&mut [0; 4096]).await else { continue };
            let body = one("1");
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    url
}

fn client(url: &str, folder: &Folder) -> Client {
    let credentials = CredentialFiles { bearer_token: None, folder: Some(folder.path().to_owned()) };
    let (url, headers, access) = (url.to_owned(), HeaderMap::new(), Access::default());
    Client::new(&Source { url, timeout: PATIENCE, headers, credentials, access }).unwrap()
}

#[tokio::test]
async fn certificates_are_used_and_replaced_ones_from_the_next_query_on() {
    let (known, strange) = (authority(), authority());
    let url = serve(&known).await;
    let (ours, key) = issue(&known, "flow-manager");
    let folder = Folder::new(&[
        ("ca.crt", strange.pem().as_bytes()),
        ("tls.crt", ours.pem().as_bytes()),
        ("tls.key", key.serialize_pem().as_bytes()),
    ]);
    let client = client(&url, &folder);
    assert_eq!(client.query(None, "up").await.unwrap_err().category(), "unreachable", "not its authority");
    folder.write("ca.crt", known.pem().as_bytes());
    assert_eq!(client.query(None, "up").await, Ok(Finite::new(1.0).unwrap()));
    let (foreign, key) = issue(&strange, "flow-manager");
    folder.write("tls.crt", foreign.pem().as_bytes());
    folder.write("tls.key", key.serialize_pem().as_bytes());
    assert_eq!(client.query(None, "up").await.unwrap_err().category(), "unreachable", "not its client");
}
