//! What each function is told, of all that the desk tells all of them: what `template.yaml` gives
//! it. A program that knows of more would do more, such as fetch secrets that it does not need.

use crate::Failure;
use serde_yaml_ng::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The settings of all functions, and which of them are told to whom.
#[derive(Debug, Clone)]
pub struct Told {
    all: BTreeMap<String, String>,
    /// The names of all variables that the template sets for some function.
    set: BTreeSet<String>,
    /// Of those, by function.
    own: BTreeMap<String, BTreeSet<String>>,
}

impl Told {
    pub fn new(template: &Path, all: BTreeMap<String, String>) -> Result<Self, Failure> {
        let template: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(template)?)?;
        let of_all = names(&template["Globals"]["Function"]["Environment"]["Variables"]);
        let mut own = BTreeMap::new();
        for (_, resource) in template["Resources"].as_mapping().into_iter().flatten() {
            let binary = resource["Metadata"]["BuildProperties"]["Binary"].as_str();
            if let Some(binary) = binary {
                let mut known = names(&resource["Properties"]["Environment"]["Variables"]);
                known.extend(of_all.iter().cloned());
                own.insert(binary.to_owned(), known);
            }
        }
        let set = own.values().flatten().cloned().collect();
        Ok(Self { all, set, own })
    }

    /// Of one function; of what is none, what AWS tells everybody.
    pub fn to(&self, function: &str) -> BTreeMap<String, String> {
        let own = self.own.get(function);
        let is_told =
            |name: &String| !self.set.contains(name) || own.is_some_and(|own| own.contains(name));
        let told = self.all.iter().filter(|(name, _)| is_told(name));
        told.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

fn names(variables: &Value) -> BTreeSet<String> {
    let names = variables.as_mapping().into_iter().flatten();
    names.filter_map(|(name, _)| name.as_str().map(str::to_owned)).collect()
}
