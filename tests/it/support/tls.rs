//! Certificates for the scripted server, both valid ones and ones that a client must reject.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tempfile::TempDir;

/// A server's certificate, and the file of the CA that signed it.
pub(crate) struct TlsCertificate {
    directory: TempDir,
    pub(super) config: Arc<ServerConfig>,
}

impl TlsCertificate {
    /// Creates a certificate that is valid for this machine.
    pub(crate) fn valid() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    /// Creates a certificate that is valid for these hosts, such as one behind a proxy.
    pub(crate) fn for_names(names: &[&str]) -> Self {
        Self::signed(&params(names))
    }

    /// Creates a certificate for this machine that expired long ago.
    pub(crate) fn expired() -> Self {
        let mut params = params(&["localhost", "127.0.0.1"]);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        Self::signed(&params)
    }

    /// Creates a certificate for this machine that becomes valid far in the future.
    pub(crate) fn not_yet_valid() -> Self {
        let mut params = params(&["localhost", "127.0.0.1"]);
        params.not_before = date_time_ymd(2099, 1, 1);
        Self::signed(&params)
    }

    /// Creates a valid certificate for another host.
    pub(crate) fn wrong_host() -> Self {
        Self::for_names(&["elsewhere.example"])
    }

    /// Creates a self-signed CA certificate, used as the server's own.
    pub(crate) fn of_the_authority_itself() -> Self {
        let mut params = params(&["localhost", "127.0.0.1"]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let directory = TempDir::with_prefix("langdock-test-ca-").unwrap();
        std::fs::write(ca_file(directory.path()), certificate.pem()).unwrap();
        Self {
            directory,
            config: config(&certificate, &key),
        }
    }

    /// Returns the path of the CA certificate in PEM format.
    pub(crate) fn ca_file(&self) -> PathBuf {
        ca_file(self.directory.path())
    }

    fn signed(params: &CertificateParams) -> Self {
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(DnType::CommonName, "langdock test authority");
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let directory = TempDir::with_prefix("langdock-test-ca-").unwrap();
        std::fs::write(ca_file(directory.path()), authority.pem()).unwrap();

        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        Self {
            directory,
            config: config(&certificate, &key),
        }
    }
}

/// Returns the configuration of a server with this certificate.
fn config(certificate: &Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    Arc::new(config)
}

/// Returns the parameters of a currently valid certificate for these hosts.
fn params(names: &[&str]) -> CertificateParams {
    let names = names
        .iter()
        .map(|&name| name.to_owned())
        .collect::<Vec<_>>();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

fn ca_file(directory: &Path) -> PathBuf {
    directory.join("ca.pem")
}
