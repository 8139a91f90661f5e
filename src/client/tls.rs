//! TLS: the bundled roots first, the system's store only where those do not know the issuer.
//!
//! Loading the system's store costs milliseconds at every start, so it is loaded once a certificate
//! asks for it: a company's own CA still works. Nothing is accepted that neither store accepts.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::error::BuildError;

/// Returns a configuration for connections that are never encrypted: it trusts no certificate.
pub(super) fn without_roots() -> ClientConfig {
    config_builder()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

/// Returns a configuration with the bundled roots and, as a fallback, the system's.
pub(super) fn with_bundled_and_system_roots() -> ClientConfig {
    let verifier = BundledThenSystem {
        bundled: bundled_verifier(),
        system: OnceLock::new(),
    };
    config_builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth()
}

/// Returns a configuration with the certificates of one PEM file and no others.
pub(super) fn with_roots_of(file: &Path) -> Result<ClientConfig, BuildError> {
    let unusable = |reason: &dyn std::fmt::Display| BuildError::CaFile {
        path: file.to_owned(),
        reason: reason.to_string(),
    };
    let unreadable = |error| match error {
        pem::Error::Io(source) => BuildError::UnreadableCaFile {
            path: file.to_owned(),
            source,
        },
        error => unusable(&error),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
        roots
            .add(certificate.map_err(unreadable)?)
            .map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"it contains no certificate"));
    }
    Ok(config_builder()
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn config_builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .expect("ring offers the cipher suites of TLS 1.2 and 1.3")
}

fn crypto_provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn bundled_verifier() -> Arc<WebPkiServerVerifier> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), crypto_provider())
        .build()
        .expect("the bundled roots are not empty and no revocation list is given")
}

#[derive(Debug)]
struct BundledThenSystem {
    bundled: Arc<WebPkiServerVerifier>,
    system: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

impl BundledThenSystem {
    fn system_verifier(&self) -> Option<&Arc<WebPkiServerVerifier>> {
        let load = || {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), crypto_provider())
                .build()
                .ok()
        };
        self.system.get_or_init(load).as_ref()
    }
}

impl ServerCertVerifier for BundledThenSystem {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let ask = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        match ask(&self.bundled) {
            Err(unknown @ Error::InvalidCertificate(CertificateError::UnknownIssuer)) => self
                .system_verifier()
                .map_or(Err(unknown), |system| ask(system)),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.bundled
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.bundled
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.bundled.supported_verify_schemes()
    }
}
