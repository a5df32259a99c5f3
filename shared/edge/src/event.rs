//! What a gateway hands over, as far as it decides anything.
//!
//! Clients write most of what is in it, and how a gateway passes on a byte that is no ASCII is
//! documented nowhere. So a text is its bytes, whatever they are, and nothing is parsed that nobody
//! asks for: not the address, of which `Host` and `X-Forwarded-Proto` are the client's to make up.
//! The query is as the gateway has taken it apart.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt::{Formatter, Result as Written};
use std::net::{IpAddr, Ipv4Addr};

/// A text as its bytes: JSON can spell half of a surrogate pair, and no `String` can hold it.
#[derive(Debug, Clone, Default)]
pub struct Text(Vec<u8>);

impl Text {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Text;
            fn expecting(&self, f: &mut Formatter<'_>) -> Written {
                f.write_str("a text")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(bytes.to_vec()))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                self.visit_bytes(text.as_bytes())
            }
        }
        input.deserialize_bytes(Bytes)
    }
}

/// Texts under their names, in their order; one that is null is none.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(Text, Text)>);

impl Fields {
    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
    }

    pub fn get(&self, name: &str) -> Option<&Text> {
        self.0.iter().find(|(known, _)| known.as_bytes() == name.as_bytes()).map(|(_, text)| text)
    }

    /// All of a header, however its name is spelled.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields;
            fn expecting(&self, f: &mut Formatter<'_>) -> Written {
                f.write_str("texts under their names")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<Text, Option<Text>>()? {
                    fields.extend(value.map(|value| (name, value)));
                }
                Ok(Fields(fields))
            }
        }
        input.deserialize_map(Pairs)
    }
}

/// A request, as an HTTP API has it (payload 2.0).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpRequest {
    raw_path: Option<Text>,
    headers: Option<Fields>,
    cookies: Option<Vec<Text>>,
    path_parameters: Option<Fields>,
    query_string_parameters: Option<Fields>,
    body: Option<Text>,
    is_base64_encoded: Option<bool>,
    request_context: RequestContext,
}

#[derive(Debug, Deserialize)]
struct RequestContext {
    http: Http,
}

#[derive(Debug, Deserialize)]
struct Http {
    #[serde(deserialize_with = "method")]
    method: Method,
    #[serde(rename = "sourceIp")]
    source_ip: Option<Text>,
}

fn method<'de, D: Deserializer<'de>>(input: D) -> Result<Method, D::Error> {
    let text = Text::deserialize(input)?;
    Method::from_bytes(text.as_bytes()).or(Err(D::Error::custom("no method")))
}

impl HttpRequest {
    pub fn method(&self) -> &Method {
        &self.request_context.http.method
    }

    /// Where the connection comes from. A gateway that does not say it has everybody in one place.
    pub fn source_ip(&self) -> IpAddr {
        let told = self.request_context.http.source_ip.as_ref();
        told.and_then(|address| address.to_str().parse().ok())
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    pub fn path(&self) -> Cow<'_, str> {
        self.raw_path.as_ref().map_or(Cow::Borrowed(""), Text::to_str)
    }

    pub fn path_parameter(&self, name: &str) -> Option<&Text> {
        self.path_parameters.as_ref()?.get(name)
    }

    pub fn query_parameter(&self, name: &str) -> Option<&Text> {
        self.query_string_parameters.as_ref()?.get(name)
    }

    /// The headers, with each cookie as a line of its own.
    pub fn headers(&self) -> HeaderMap {
        let headers = self.headers.iter().flat_map(Fields::iter);
        let cookies = self.cookies.iter().flatten().map(Text::as_bytes);
        headers
            .filter_map(|(name, value)| Some((HeaderName::from_bytes(name).ok()?, value)))
            .chain(cookies.map(|cookie| (header::COOKIE, cookie)))
            .filter_map(|(name, value)| Some((name, header_value(value)?)))
            .fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            })
    }

    /// The body, unpacked. What is said to be base64 and is not is taken as it is.
    pub fn body(&self) -> Cow<'_, [u8]> {
        let body = self.body.as_ref().map(Text::as_bytes).unwrap_or_default();
        let packed = self.is_base64_encoded == Some(true);
        packed.then(|| STANDARD.decode(body).ok()).flatten().map_or(body.into(), Cow::Owned)
    }
}

/// A value with each byte that no header can hold replaced by one that no rule knows: without it,
/// what is left might be taken for good.
fn header_value(bytes: &[u8]) -> Option<HeaderValue> {
    let fits = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
    let bytes: Vec<u8> =
        bytes.iter().map(|byte| if fits(byte) { *byte } else { b'\xff' }).collect();
    HeaderValue::from_bytes(&bytes).ok()
}

/// An answer, as an HTTP API takes it (payload 2.0).
pub(crate) fn answer(response: Response<Body>) -> ApiGatewayV2httpResponse {
    let (mut parts, body) = response.into_parts();
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.body = (!matches!(body, Body::Empty)).then_some(body);
    let cookies = parts.headers.get_all(header::SET_COOKIE).iter();
    answer.cookies = cookies.filter_map(|line| Some(line.to_str().ok()?.to_owned())).collect();
    parts.headers.remove(header::SET_COOKIE);
    answer.headers = parts.headers;
    answer
}
