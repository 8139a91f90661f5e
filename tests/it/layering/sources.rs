//! The sources of the program for the layering tests: files, and the modules that each imports.
//! They are read as text, line by line, without unit tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The path of a module from the crate's root.
pub(crate) type ModulePath = Vec<String>;

/// A file of the program.
pub(crate) struct Source {
    /// Its path, relative to `src/`.
    pub(crate) path: String,
    /// Its code, without comments and without unit tests at its end.
    pub(crate) code: String,
}

/// Reads all of `src/`, except unit test files and the build script.
pub(crate) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut directories = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|name| name == "tests");
            let is_build_script = path == root.join("build.rs");
            if is_test || is_build_script {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy();
                sources.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(sources.len() > 40, "the sources were not found");
    sources
}

impl Source {
    /// Creates a source from a file's text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = text.split("#[cfg(test)]\nmod tests {").next();
        let code = code
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        Self {
            path: path.to_owned(),
            code,
        }
    }

    /// Returns the path of the module in this file.
    pub(crate) fn module(&self) -> ModulePath {
        let path = self.path.trim_end_matches(".rs");
        let path = path.strip_suffix("/mod").unwrap_or(path);
        path.split('/').map(str::to_owned).collect()
    }

    /// Returns whether the file is the root of a directory of modules. Imports from such a file may
    /// be of anything in the directory.
    pub(crate) fn is_directory(&self) -> bool {
        self.path.ends_with("/mod.rs")
    }

    /// Returns the paths in this crate that the code mentions, from the crate's root: modules, and
    /// the items in them.
    pub(crate) fn crate_paths(&self) -> BTreeSet<ModulePath> {
        let mut paths = Vec::new();
        for (place, line) in line_starts(&self.code) {
            let line = line.trim_start();
            let rest = line.strip_prefix("pub").map_or(line, |rest| {
                rest.trim_start_matches(|letter: char| letter != ' ')
                    .trim_start()
            });
            if rest.starts_with("use ") {
                let statement = &self.code[place..];
                let tree = statement.split(';').next().unwrap_or_default();
                let tree = tree.split_once("use ").map_or("", |(_, tree)| tree);
                expand(tree, &[], &mut paths);
            }
        }
        for (place, _) in self
            .code
            .match_indices("crate::")
            .chain(self.code.match_indices("super::"))
        {
            let path = &self.code[place..];
            let end = path.find(|letter| !is_of_a_path(letter));
            let path = &path[..end.unwrap_or(path.len())];
            // A path that ends in colons is the start of a tree in a `use` statement.
            if !self.code[..place].ends_with(is_of_a_path) && !path.ends_with(':') {
                paths.push(path.split("::").map(str::to_owned).collect());
            }
        }
        let module = self.module();
        paths
            .into_iter()
            .map(|path| resolve(&module, path))
            .collect()
    }

    /// Returns the files that this one imports from: the `known` modules that its paths lead to.
    pub(crate) fn imports(&self, known: &BTreeMap<ModulePath, bool>) -> BTreeSet<ModulePath> {
        let own = self.module();
        self.crate_paths()
            .into_iter()
            .filter_map(|path| {
                (1..=path.len())
                    .rev()
                    .map(|length| &path[..length])
                    .find(|module| known.contains_key(*module))
                    .map(<[_]>::to_vec)
            })
            .filter(|module| *module != own && !known[module])
            .collect()
    }
}

/// Returns files that import each other in a cycle, if there are any.
pub(crate) fn circle(sources: &[Source]) -> Option<Vec<ModulePath>> {
    let known: BTreeMap<ModulePath, bool> = sources
        .iter()
        .map(|source| (source.module(), source.is_directory()))
        .collect();
    let mut imports: BTreeMap<ModulePath, BTreeSet<ModulePath>> = sources
        .iter()
        .map(|source| (source.module(), source.imports(&known)))
        .collect();
    // A module that imports none of the remaining ones is not in a cycle.
    loop {
        let left: BTreeSet<ModulePath> = imports.keys().cloned().collect();
        for used in imports.values_mut() {
            used.retain(|module| left.contains(module));
        }
        imports.retain(|_, used| !used.is_empty());
        if imports.len() == left.len() {
            break;
        }
    }
    let mut way = vec![imports.keys().next()?.clone()];
    loop {
        let next = imports[way.last()?].first()?.clone();
        if let Some(start) = way.iter().position(|module| *module == next) {
            return Some(way.split_off(start));
        }
        way.push(next);
    }
}

/// Returns each line with the position of its start.
fn line_starts(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.split('\n').scan(0, |place, line| {
        let start = *place;
        *place += line.len() + 1;
        Some((start, line))
    })
}

fn is_of_a_path(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | ':')
}

/// Expands the tree of a `use` statement into its paths.
fn expand(tree: &str, before: &[String], paths: &mut Vec<ModulePath>) {
    let mut depth = 0_usize;
    let branches = tree.split(|letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    });
    for branch in branches.map(str::trim).filter(|branch| !branch.is_empty()) {
        let (path, inner) = branch.split_once('{').unwrap_or((branch, ""));
        let path = path.split(" as ").next().unwrap_or_default();
        let names = path
            .split("::")
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let path: ModulePath = before
            .iter()
            .cloned()
            .chain(names.map(str::to_owned))
            .collect();
        match inner.strip_suffix('}') {
            Some(inner) => expand(inner, &path, paths),
            None => paths.push(path),
        }
    }
}

/// Returns a path in `module` as a path from the crate's root.
fn resolve(module: &[String], path: ModulePath) -> ModulePath {
    let mut at = module.to_vec();
    let mut names = path.into_iter().peekable();
    match names.peek().map(String::as_str) {
        Some("crate") => {
            at.clear();
            names.next();
        }
        Some("self") => {
            names.next();
        }
        _ => {}
    }
    while names.next_if(|name| name == "super").is_some() {
        at.pop();
    }
    at.extend(names);
    at
}
