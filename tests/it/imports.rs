//! Which file of a crate imports which, read from the sources as the compiler's own tokens.
//!
//! A file is a module. It imports another one when it names it by a path, in a `use` or anywhere
//! else: `crate::a::B`, `super::B`, and `a::B` beside its own `mod a;`. A path leads to the file
//! that defines what it names, so one that goes through a re-export leads behind it; `crate::B`
//! leads to lib.rs where lib.rs itself defines `B`. No imports are `mod a;` and a `pub use` of a
//! module's own children, for they only say what is there, and what is compiled for tests alone.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The names of a module and of all that it is in, from the root of the crate on.
pub type Module = Vec<String>;

/// The files of one crate.
#[derive(Default)]
pub struct Crate {
    files: BTreeMap<Module, File>,
}

#[derive(Default)]
struct File {
    /// From the root of the crate.
    paths: Vec<Module>,
    /// What a name that is re-exported here stands for.
    reexports: BTreeMap<String, Module>,
}

impl Crate {
    /// Of the sources below a `src`, each with its path from there. Programs are crates of their
    /// own, and left out.
    pub fn new(sources: &[(String, String)]) -> Self {
        let mut files = BTreeMap::new();
        for (path, text) in sources.iter().filter(|(path, _)| !path.starts_with("bin/")) {
            let stem = path.strip_suffix(".rs").expect("a source");
            let mut module: Module = stem.split('/').map(str::to_owned).collect();
            if ["lib", "mod", "main"].contains(&module.last().map_or("", String::as_str)) {
                module.pop();
            }
            let tokens = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
            let mut reader = Reader { file: File::default(), children: BTreeSet::new() };
            reader.find_children(&tokens);
            reader.read(tokens, &module);
            files.insert(module, reader.file);
        }
        Self { files }
    }

    /// The modules that a module imports.
    pub fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let paths = self.files[module].paths.iter();
        let mut imports: BTreeSet<Module> = paths.map(|path| self.defining(path)).collect();
        imports.remove(module);
        imports
    }

    /// For each module that is in a circle, a shortest one; each circle once.
    pub fn circles(&self) -> BTreeSet<Vec<Module>> {
        self.files.keys().filter_map(|module| self.circle_of(module)).collect()
    }

    fn circle_of(&self, start: &Module) -> Option<Vec<Module>> {
        let mut before: BTreeMap<Module, Module> = BTreeMap::new();
        let mut next = VecDeque::from([start.clone()]);
        while let Some(module) = next.pop_front() {
            for import in self.imports(&module) {
                if import == *start {
                    let mut circle = vec![module];
                    while let Some(module) = before.get(&circle[circle.len() - 1]) {
                        circle.push(module.clone());
                    }
                    circle.reverse();
                    let first = (0..circle.len()).min_by_key(|place| &circle[*place]);
                    circle.rotate_left(first.unwrap_or_default());
                    return Some(circle);
                }
                if !before.contains_key(&import) {
                    before.insert(import.clone(), module.clone());
                    next.push_back(import);
                }
            }
        }
        None
    }

    /// The file that defines what a path leads to.
    fn defining(&self, path: &[String]) -> Module {
        let mut module = Module::new();
        for (place, name) in path.iter().enumerate() {
            let child = [module.as_slice(), std::slice::from_ref(name)].concat();
            if self.files.contains_key(&child) {
                module = child;
            } else {
                return match self.files[&module].reexports.get(name) {
                    Some(target) => {
                        self.defining(&[target.as_slice(), &path[place + 1..]].concat())
                    }
                    None => module,
                };
            }
        }
        module
    }
}

/// Reads one file.
struct Reader {
    file: File,
    /// The modules that it declares.
    children: BTreeSet<String>,
}

impl Reader {
    fn find_children(&mut self, tokens: &TokenStream) {
        let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
        for words in tokens.windows(3) {
            if is_word(&words[0], "mod") && is_mark(&words[2], ';') {
                self.children.insert(words[1].to_string());
            }
        }
    }

    /// Goes through what stands in a module, which is the file's own or one inside it.
    fn read(&mut self, tokens: TokenStream, module: &Module) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut place = 0;
        while place < tokens.len() {
            place = if is_for_tests(&tokens[place..]) {
                place + item_length(&tokens[place..])
            } else if is_word(&tokens[place], "use") {
                let end = place + item_length(&tokens[place..]);
                let public = place > 0 && is_public(&tokens[..place]);
                self.read_use(&tokens[place + 1..end - 1], module, public);
                end
            } else if is_word(&tokens[place], "mod")
                && let [_, name, TokenTree::Group(inside), ..] = &tokens[place..]
            {
                self.read(inside.stream(), &[module.as_slice(), &[name.to_string()]].concat());
                place + 3
            } else if let TokenTree::Group(group) = &tokens[place] {
                self.read(group.stream(), module);
                place + 1
            } else if place >= 2 && is_separator(&tokens[place - 2..place]) {
                place + 1
            } else {
                let (path, length) = path(&tokens[place..]);
                if length > 1
                    && let Some(path) = self.absolute(path, module)
                {
                    self.file.paths.push(path);
                }
                place + length
            };
        }
    }

    /// The tree behind `use`.
    fn read_use(&mut self, tokens: &[TokenTree], module: &Module, public: bool) {
        for (names, alias) in leaves(tokens) {
            let Some(path) = self.absolute(names, module) else { continue };
            if public {
                assert_ne!(alias, "*", "a glob hides what it re-exports: {module:?}");
                self.file.reexports.insert(alias, path.clone());
            }
            let is_own_child = path.len() > module.len() && path.starts_with(module);
            if !(public && is_own_child) {
                self.file.paths.push(path);
            }
        }
    }

    /// From the root of the crate; none for a path that leads out of it.
    fn absolute(&self, names: Vec<String>, module: &Module) -> Option<Module> {
        let mut absolute = match names[0].as_str() {
            "crate" => Module::new(),
            "self" | "super" => module.clone(),
            name if self.children.contains(name) => [module.as_slice(), &names[..1]].concat(),
            _ => return None,
        };
        if names[0] == "super" {
            absolute.pop();
        }
        for name in &names[1..] {
            match name.as_str() {
                "super" => drop(absolute.pop()),
                "self" | "*" => {}
                name => absolute.push(name.to_owned()),
            }
        }
        Some(absolute)
    }
}

/// The paths of a `use` tree, each with the name that it is known by.
fn leaves(tokens: &[TokenTree]) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    for branch in tokens.split(|token| is_mark(token, ',')).filter(|branch| !branch.is_empty()) {
        let mut names: Vec<String> = Vec::new();
        let mut alias = None;
        let mut inner = None;
        let mut words = branch.iter();
        while let Some(word) = words.next() {
            match word {
                TokenTree::Ident(name) if name == "as" => alias = words.next(),
                TokenTree::Ident(name) => names.push(name.to_string()),
                TokenTree::Group(group) => inner = Some(group.stream()),
                TokenTree::Punct(mark) if mark.as_char() == '*' => names.push("*".to_owned()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        match inner {
            Some(inner) => {
                let inner: Vec<TokenTree> = inner.into_iter().collect();
                let whole = |(rest, alias): (Vec<String>, String)| {
                    (names.iter().cloned().chain(rest).collect(), alias)
                };
                found.extend(leaves(&inner).into_iter().map(whole));
            }
            None => {
                let alias = alias.map(ToString::to_string);
                let alias = alias.or_else(|| names.last().cloned()).unwrap_or_default();
                found.push((names, alias));
            }
        }
    }
    found
}

/// `a::b::c`, and how many tokens it takes; a token that is no name is a path of its own.
fn path(tokens: &[TokenTree]) -> (Vec<String>, usize) {
    let mut names = vec![tokens[0].to_string()];
    let mut length = 1;
    while let [first, second, TokenTree::Ident(name), ..] = &tokens[length..]
        && matches!(tokens[length - 1], TokenTree::Ident(_))
        && is_mark(first, ':')
        && is_mark(second, ':')
    {
        names.push(name.to_string());
        length += 3;
    }
    (names, length)
}

/// How many tokens an item takes, attributes included: to its semicolon or its body.
fn item_length(tokens: &[TokenTree]) -> usize {
    let is_body = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    };
    let before_body = tokens.iter().take_while(|token| !is_body(token));
    let is_use = before_body.into_iter().any(|token| is_word(token, "use"));
    let ends = |token: &TokenTree| match token {
        token if is_mark(token, ';') => true,
        token => is_body(token) && !is_use,
    };
    tokens.iter().position(ends).map_or(tokens.len(), |last| last + 1)
}

fn is_for_tests(tokens: &[TokenTree]) -> bool {
    match tokens {
        [mark, TokenTree::Group(attribute), ..] => {
            let attribute = attribute.stream().to_string().replace(' ', "");
            is_mark(mark, '#') && attribute == "cfg(test)"
        }
        _ => false,
    }
}

fn is_public(before: &[TokenTree]) -> bool {
    match before {
        [.., token] if is_word(token, "pub") => true,
        [.., token, TokenTree::Group(_)] => is_word(token, "pub"),
        _ => false,
    }
}

fn is_separator(tokens: &[TokenTree]) -> bool {
    tokens.iter().all(|token| is_mark(token, ':'))
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

#[test]
fn a_circle_is_found_whatever_the_modules_name_each_other_by() {
    let circles = |sources: &[(&str, &str)]| -> Vec<String> {
        let owned = sources.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let circles = Crate::new(&owned.collect::<Vec<_>>()).circles();
        let name = |module: &Module| module.join("::");
        circles.iter().map(|circle| circle.iter().map(name).collect::<Vec<_>>().join(" ")).collect()
    };
    let root = ("lib.rs", "pub mod a; mod b; pub use b::B; pub struct Root;");
    for (one, other) in [
        ("use crate::b::B;", "use crate::a::A;"),
        ("use crate::{Root, b::{self, C}};", "use super::a;"),
        ("fn f() { g(|| vec![crate::b::B]) }", "impl X for crate::a::A {}"),
        // By the re-export, which is no import by itself.
        ("use crate::B;", "pub(crate) use crate::a::A; pub struct B;"),
    ] {
        let found = circles(&[root, ("a.rs", one), ("b.rs", other)]);
        assert_eq!(found, ["a b"], "{one} {other}");
    }
    // A root that names its child in a macro's arguments, and is used by it.
    let root_of_a = ("lib.rs", "mod a; const A: Root = m!(\"a\", a::handle); struct Root;");
    assert_eq!(circles(&[root_of_a, ("a.rs", "use crate::Root;")]), [" a"]);
    // A parent that uses its child, and is used by it.
    let parent = ("a/mod.rs", "mod c; use crate::b::B; fn f() -> c::C {} struct A;");
    assert_eq!(circles(&[root, ("b.rs", ""), parent, ("a/c.rs", "use super::A;")]), ["a a::c"]);
    for (one, other) in [
        ("use crate::b::B; use crate::Root;", "use crate::Root; use std::fmt;"),
        ("use crate::b::B;", "#[cfg(test)] mod tests { use crate::a::A; } struct B;"),
        ("use crate::b::B;", "/** See [`crate::a::A`]. */ fn f() { 'c'; \"crate::a::A\" }"),
        ("use crate::b::B;", "mod inner { use super::B; }"),
    ] {
        let found = circles(&[root, ("a.rs", one), ("b.rs", other)]);
        assert!(found.is_empty(), "{one} {other}: {found:?}");
    }
}
