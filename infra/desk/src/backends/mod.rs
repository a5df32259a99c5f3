//! What stands in for AWS. The functions talk to these over the wire with the real SDK clients;
//! only the endpoint differs from a deployment.

pub(crate) mod database;
pub(crate) mod mail;
pub(crate) mod secrets;
pub(crate) mod ses;

/// A request id such as AWS gives: a random UUID.
pub(crate) fn request_id() -> String {
    // Version and variant bits, as in every random UUID.
    let bits =
        (rand::random::<u128>() & !(0xf000 << 64) & !(0xc << 60)) | (0x4000 << 64) | (0x8 << 60);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
