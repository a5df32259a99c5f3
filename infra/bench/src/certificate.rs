//! What makes the programs believe that the store is theirs: an authority of the bench's own, in
//! one file with those of the system. So they read as many as they would on Lambda.

use crate::Failure;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const OF_THE_SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A certificate for `localhost`, and the file of authorities that has its own.
pub struct Certificate {
    pub server: Arc<ServerConfig>,
    /// All authorities, for `SSL_CERT_FILE`.
    pub authorities: PathBuf,
    /// Its own alone, for `NODE_EXTRA_CA_CERTS`: Node brings the others along.
    pub own_authority: PathBuf,
}

impl Certificate {
    /// Writes the files into the folder.
    pub fn new(folder: &Path) -> Result<Self, Failure> {
        let mut authority = CertificateParams::new([])?;
        authority.distinguished_name.push(DnType::CommonName, "Frontdesk's bench");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let signed =
            CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &authority)?;
        let key = PrivateKeyDer::try_from(key.serialize_der())?;
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)?;

        let own_authority = folder.join("authority.pem");
        std::fs::write(&own_authority, authority.pem())?;
        // A machine without any is measured without any.
        let others = std::fs::read_to_string(OF_THE_SYSTEM).unwrap_or_default();
        let authorities = folder.join("authorities.pem");
        std::fs::write(&authorities, others + &authority.pem())?;
        Ok(Self { server: Arc::new(server), authorities, own_authority })
    }
}
