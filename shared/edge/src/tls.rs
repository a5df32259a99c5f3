//! The one TLS stack.

/// Chooses ring for every TLS connection of this process, as the SDK clients do by themselves. A
/// second call changes nothing.
pub fn install_tls_provider() {
    // Refused only when there is a provider already, and that one was installed here.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
