//! Routes, matched as an API Gateway HTTP API matches them.

use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// One route of the HTTP API and the function behind it.
#[derive(Clone, Debug)]
pub struct Route {
    /// `POST /api/keys`, `ANY /files/{rest+}` or `$default`: what events carry.
    pub key: String,
    /// The function's name.
    pub function: String,
    method: Option<String>,
    path: Vec<Segment>,
    is_default: bool,
}

/// One segment of a route's path. The order is the order of precedence: what is more specific comes
/// first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Static(String),
    Parameter(String),
    Greedy(String),
}

/// A route that a request matched, with its path parameters.
#[derive(Debug)]
pub struct Match<'r> {
    /// The route.
    pub route: &'r Route,
    /// Percent-decoded.
    pub parameters: BTreeMap<String, String>,
}

impl Route {
    pub(super) fn new(path: &str, method: &str, function: &str) -> Self {
        let method = method.to_ascii_uppercase();
        let is_default = path == "$default";
        Self {
            key: if is_default { path.to_owned() } else { format!("{method} {path}") },
            function: function.to_owned(),
            method: (!matches!(method.as_str(), "ANY" | "*")).then_some(method),
            path: if is_default {
                Vec::new()
            } else {
                path.trim_start_matches('/').split('/').map(segment).collect()
            },
            is_default,
        }
    }

    fn parameters(&self, path: &[&str]) -> Option<BTreeMap<String, String>> {
        let mut parameters = BTreeMap::new();
        for (position, segment) in self.path.iter().enumerate() {
            let rest = path.get(position..).filter(|rest| !rest.is_empty())?;
            match segment {
                Segment::Static(text) if text == rest[0] => {}
                Segment::Parameter(name) if !rest[0].is_empty() => {
                    parameters.insert(name.clone(), decode(rest[0]));
                }
                Segment::Greedy(name) => {
                    parameters.insert(name.clone(), decode(&rest.join("/")));
                    return Some(parameters);
                }
                Segment::Static(_) | Segment::Parameter(_) => return None,
            }
        }
        (path.len() == self.path.len()).then_some(parameters)
    }
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        Some(name) => match name.strip_suffix('+') {
            Some(name) => Segment::Greedy(name.to_owned()),
            None => Segment::Parameter(name.to_owned()),
        },
        None => Segment::Static(text.to_owned()),
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// All routes of the API.
#[derive(Clone, Debug)]
pub struct Routes(Vec<Route>);

impl Routes {
    pub(super) fn new(routes: impl Iterator<Item = Route>) -> Self {
        let mut routes: Vec<Route> = routes.collect();
        // Segment by segment a name beats `{param}` beats `{proxy+}`, a method beats ANY, and
        // `$default` comes last: sorted so, the first route that matches is the one that the
        // gateway takes.
        routes.sort_by_key(|route| (route.is_default, route.path.clone(), route.method.is_none()));
        Self(routes)
    }

    /// The route of a request. `path` is as it was sent, still percent-encoded.
    pub fn find(&self, method: &str, path: &str) -> Option<Match<'_>> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        self.0.iter().find_map(|route| {
            if route.is_default {
                return Some(Match { route, parameters: BTreeMap::new() });
            }
            if route.method.as_deref().is_some_and(|wanted| wanted != method) {
                return None;
            }
            Some(Match { route, parameters: route.parameters(&segments)? })
        })
    }

    /// The routes, most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> (String, BTreeMap<String, String>) {
        let routes = [
            ("$default", "ANY"),
            ("/api/keys/{key_id}", "DELETE"),
            ("/api/keys/{key_id}", "ANY"),
            ("/api/keys/mine", "GET"),
            ("/api/keys", "GET"),
            ("/api/files/{rest+}", "GET"),
            ("/api/files/{name}", "GET"),
        ];
        let routes = Routes::new(routes.iter().map(|(path, method)| Route::new(path, method, "f")));
        let found = routes.find(method, path).expect("there is a default route");
        (found.route.key.clone(), found.parameters)
    }

    #[test]
    fn the_most_specific_route_wins_and_the_default_takes_the_rest() {
        for (method, path, key) in [
            ("GET", "/api/keys", "GET /api/keys"),
            ("GET", "/api/keys/mine", "GET /api/keys/mine"),
            ("DELETE", "/api/keys/mine", "DELETE /api/keys/{key_id}"),
            ("GET", "/api/keys/other", "ANY /api/keys/{key_id}"),
            ("GET", "/api/files/a", "GET /api/files/{name}"),
            ("GET", "/api/files/a/b", "GET /api/files/{rest+}"),
            ("POST", "/api/files/a/b", "$default"),
            ("DELETE", "/api/keys/", "$default"),
            ("DELETE", "/api/keys/a/b", "$default"),
            ("PUT", "/api/keys", "$default"),
            ("GET", "/", "$default"),
        ] {
            assert_eq!(found(method, path).0, key, "{method} {path}");
        }
    }

    #[test]
    fn path_parameters_are_decoded_after_the_path_was_split() {
        assert_eq!(found("DELETE", "/api/keys/a%2Fb%20c").1["key_id"], "a/b c");
        assert_eq!(found("GET", "/api/files/a/b%3F").1["rest"], "a/b?");
    }
}
