//! All files of the page, and the base path they are served under.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rust_embed::RustEmbed;

use crate::file::File;
use crate::media_type::media_type;
use crate::squeeze;

/// Where in `index.html` the base path goes.
const BASE_MARK: &str = "{{base}}";

/// The file that answers every page address.
const INDEX: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "assets"]
struct Embedded;

/// One version of the page.
#[derive(Debug)]
pub(crate) struct Files {
    hash: String,
    index: File,
    others: BTreeMap<String, File>,
}

impl Files {
    /// What is current. A debug build looks at the source tree again if `anew`.
    pub(crate) fn current(anew: bool) -> Arc<Self> {
        static FILES: OnceLock<Mutex<Arc<Files>>> = OnceLock::new();
        let files = FILES.get_or_init(|| Mutex::new(Arc::new(Self::load())));
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        if anew && cfg!(debug_assertions) {
            *files = Arc::new(Self::load());
        }
        files.clone()
    }

    fn load() -> Self {
        let bytes_of = |name: &str| Embedded::get(name).map_or(Cow::Borrowed(&[][..]), |file| file.data);
        let names: Vec<Cow<'static, str>> = Embedded::iter().collect();
        let mut hasher = blake3::Hasher::new();
        let mut others = BTreeMap::new();
        for name in &names {
            let bytes = bytes_of(name);
            hasher.update(blake3::hash(name.as_bytes()).as_bytes());
            hasher.update(blake3::hash(&bytes).as_bytes());
            if let Some(media_type) = media_type(name).filter(|_| name != INDEX) {
                others.insert(name.clone().into_owned(), File::new(name, as_sent(name, bytes), media_type));
            }
        }
        let hash = hasher.finalize().to_hex()[..16].to_owned();
        let text = String::from_utf8_lossy(&bytes_of(INDEX)).replace(BASE_MARK, &format!("/ui/assets/{hash}"));
        let index = File::new(INDEX, Cow::Owned(text.into_bytes()), "text/html; charset=utf-8");
        Self { hash, index, others }
    }

    /// `index.html`, naming the others.
    pub(crate) fn index(&self) -> &File {
        &self.index
    }

    /// The file called `name` of the version whose hash is `hash`, if that is this one.
    pub(crate) fn get(&self, hash: &str, name: &str) -> Option<&File> {
        self.others.get(name).filter(|_| hash == self.hash)
    }

    /// The names of all but `index.html`.
    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.others.keys().map(String::as_str)
    }

    /// Names of files that are left out, since nobody knows what kind they are; what is for the type checker is meant to be.
    #[cfg(test)]
    pub(crate) fn of_unknown_kind() -> Vec<String> {
        let unknown = |name: &Cow<'static, str>| media_type(name).is_none() && !name.ends_with(".d.ts");
        Embedded::iter().filter(unknown).map(Cow::into_owned).collect()
    }

    /// The hash of this version.
    #[cfg(test)]
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }
}

/// What is sent of the file called `name`.
fn as_sent(name: &str, bytes: Cow<'static, [u8]>) -> Cow<'static, [u8]> {
    match (std::str::from_utf8(&bytes), name.rsplit_once('.')) {
        (Ok(text), Some((_, "js"))) => Cow::Owned(squeeze::script(text).into_bytes()),
        (Ok(text), Some((_, "css"))) => Cow::Owned(squeeze::style(text).into_bytes()),
        _ => bytes,
    }
}
