//! From which address a request comes.
//!
//! Behind CloudFront the connection is CloudFront's own, so it says the viewer's address in a
//! header, and beside it a secret that nobody else has (`template.yaml`, `ConsoleViewer`). Whoever
//! calls the gateway's own address can send the one header and not the other.

use domain::secret::Secret;
use lambda_http::http::HeaderMap;
use std::net::IpAddr;

/// What CloudFront proves itself by.
pub const ORIGIN_HEADER: &str = "x-frontdesk-origin";
/// The viewer's address, in CloudFront's words.
pub const VIEWER_HEADER: &str = "x-frontdesk-viewer";

/// The viewer's address: CloudFront's word where CloudFront proves itself, else the connection's.
pub fn viewer(headers: &HeaderMap, connection: IpAddr, origin: &Secret) -> IpAddr {
    told_by_origin(headers, origin).unwrap_or(connection)
}

/// Whether somebody wants to be believed: only then is the secret needed.
pub(crate) fn is_told(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN_HEADER) && headers.contains_key(VIEWER_HEADER)
}

/// Each of both headers once: CloudFront puts its own in place of all that the viewer sent.
fn told_by_origin(headers: &HeaderMap, origin: &Secret) -> Option<IpAddr> {
    let once = |name| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())
    };
    once(ORIGIN_HEADER).filter(|proof| origin.is(proof.as_bytes()))?;
    once(VIEWER_HEADER)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::http::HeaderValue;

    const CONNECTION: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn told(headers: &[(&'static str, &[u8])]) -> String {
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            sent.append(*name, HeaderValue::from_bytes(value).expect("a value"));
        }
        viewer(&sent, CONNECTION, &Secret::new("s3cret")).to_string()
    }

    #[test]
    fn the_viewers_address_is_believed_beside_the_right_secret_alone() {
        assert_eq!(
            told(&[(ORIGIN_HEADER, b"s3cret"), (VIEWER_HEADER, b"203.0.113.7")]),
            "203.0.113.7"
        );
        assert_eq!(
            told(&[(ORIGIN_HEADER, b"s3cret"), (VIEWER_HEADER, b"2001:db8::7")]),
            "2001:db8::7"
        );
        for proof in [b"".as_slice(), b"s3cre", b"s3crets", b"S3CRET", b"\xff", b"s3cret, s3cret"] {
            assert_eq!(
                told(&[(ORIGIN_HEADER, proof), (VIEWER_HEADER, b"203.0.113.7")]),
                "192.0.2.1",
                "{proof:?}"
            );
        }
        assert_eq!(told(&[(VIEWER_HEADER, b"203.0.113.7")]), "192.0.2.1");
    }

    #[test]
    fn what_cloudfront_never_sends_is_nobodys_address() {
        for viewer in
            [b"".as_slice(), b"localhost", b"203.0.113.7, 192.0.2.9", b"\xff", b"999.1.1.1"]
        {
            assert_eq!(
                told(&[(ORIGIN_HEADER, b"s3cret"), (VIEWER_HEADER, viewer)]),
                "192.0.2.1",
                "{viewer:?}"
            );
        }
        let twice = [(VIEWER_HEADER, b"203.0.113.7".as_slice()), (VIEWER_HEADER, b"203.0.113.8")];
        assert_eq!(told(&[(ORIGIN_HEADER, b"s3cret"), twice[0], twice[1]]), "192.0.2.1");
        let proofs = [(ORIGIN_HEADER, b"s3cret".as_slice()), (ORIGIN_HEADER, b"other")];
        assert_eq!(told(&[proofs[0], proofs[1], (VIEWER_HEADER, b"203.0.113.7")]), "192.0.2.1");
    }
}
