//! The lists of models that this process has fetched itself, by endpoint and key. Only such a list
//! is recent enough to refuse a model that is not in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::client::ListedModel;

/// The ids of each list that was fetched, by the name of the list.
pub(super) type FetchedLists = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// The list of one endpoint and key.
#[derive(Debug, Clone)]
pub(crate) struct FetchedList {
    lists: FetchedLists,
    name: String,
}

impl FetchedList {
    /// Returns the list of this name.
    pub(super) fn new(lists: &FetchedLists, name: String) -> Self {
        Self {
            lists: Arc::clone(lists),
            name,
        }
    }

    /// Records a list that was just fetched.
    pub(crate) fn set(&self, models: &[ListedModel]) {
        let ids = models.iter().map(|model| model.id().to_owned()).collect();
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.insert(self.name.clone(), ids);
    }

    /// Returns the ids; `None` if the list was not fetched, or is empty.
    pub(super) fn ids(&self) -> Option<Vec<String>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.get(&self.name).filter(|ids| !ids.is_empty()).cloned()
    }
}
