//! TLS before the endpoints.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

/// How long a client may take until it is known.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How many may be about to be known; further ones wait.
const HANDSHAKES: usize = 64;

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Whether it has shown a certificate of the authority that was asked for.
    pub(super) has_certificate: bool,
}

/// Certificate, key and authority, in a folder like a mounted Secret.
#[derive(Clone, Debug)]
pub(super) struct Files {
    folder: PathBuf,
    /// Whether there was an authority at the start, so that clients are asked for certificates of it.
    asks: bool,
}

/// Accepts connections whose handshake is done.
pub(super) struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, Peer)>,
    _accepting: AbortOnDropHandle<()>,
}

impl Files {
    /// Those in this folder.
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), asks: folder.join("ca.crt").exists() }
    }

    /// Whether clients are asked for certificates.
    pub(super) const fn asks(&self) -> bool {
        self.asks
    }

    /// What the files say now.
    fn config(&self) -> io::Result<ServerConfig> {
        let named = |error| io::Error::other(format!("{}: {error}", self.folder.display()));
        self.read().map_err(named)
    }

    fn read(&self) -> io::Result<ServerConfig> {
        let certificates = CertificateDer::pem_file_iter(self.folder.join("tls.crt"));
        let certificates = certificates.map_err(io::Error::other)?.collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_file(self.folder.join("tls.key"));
        let (certificates, key) = (certificates.map_err(io::Error::other)?, key.map_err(io::Error::other)?);
        let builder = match self.authorities()? {
            None => ServerConfig::builder().with_no_client_auth(),
            Some(roots) => {
                // The kubelet has no certificate; who needs one is decided by what is asked for.
                let verifier = WebPkiClientVerifier::builder(roots.into()).allow_unauthenticated().build();
                ServerConfig::builder().with_client_cert_verifier(verifier.map_err(io::Error::other)?)
            }
        };
        builder.with_single_cert(certificates, key).map_err(io::Error::other)
    }

    fn authorities(&self) -> io::Result<Option<RootCertStore>> {
        if !self.asks {
            return Ok(None);
        }
        let file = self.folder.join("ca.crt");
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(io::Error::other)? {
            roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        Ok(Some(roots))
    }
}

impl TlsListener {
    /// Speaks TLS by these files on what `listener` accepts. Fails if they cannot be used now; later, the connections
    /// fail that come while they cannot.
    pub(super) fn new(listener: TcpListener, files: Files) -> io::Result<Self> {
        files.config()?;
        let (sender, ready) = mpsc::channel(1);
        let accepting = AbortOnDropHandle::new(tokio::spawn(accept(listener, files, sender)));
        Ok(Self { ready, _accepting: accepting })
    }
}

async fn accept(mut listener: TcpListener, files: Files, ready: mpsc::Sender<(TlsStream<TcpStream>, Peer)>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await {
        let (stream, address) = Listener::accept(&mut listener).await;
        let (files, ready) = (files.clone(), ready.clone());
        tokio::spawn(async move {
            match timeout(HANDSHAKE_TIMEOUT, handshake(stream, files)).await {
                Ok(Ok(known)) => drop(ready.send(known).await),
                Ok(Err(error)) => tracing::debug!(%address, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(%address, "a TLS handshake took too long"),
            }
            drop(permit);
        });
    }
}

/// By the files as they are now, so that replaced ones count at once.
async fn handshake(stream: TcpStream, files: Files) -> io::Result<(TlsStream<TcpStream>, Peer)> {
    let config = tokio::task::spawn_blocking(move || files.config()).await.map_err(io::Error::other)??;
    let stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
    let has_certificate = stream.get_ref().1.peer_certificates().is_some();
    Ok((stream, Peer { has_certificate }))
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = Peer;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer { has_certificate: false })
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        *stream.remote_addr()
    }
}
