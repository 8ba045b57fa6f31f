//! The places where data is searched for.

use std::{
    env,
    path::{Path, PathBuf},
    time::Instant,
};

use etcetera::BaseStrategy;
use selvedge::fashion_mnist;

use super::{
    DataError, Dataset, builtin,
    download::{Download, DownloadError},
    files, locate, names,
    source::{self, Reading},
};
use crate::classes::Classes;

/// The places where data is looked for when none is chosen, in this order.
#[derive(Clone, Debug)]
pub struct Search {
    /// The folder that `FASHION_MNIST_DIR` names. If the variable is set, the folder must hold the data.
    pub environment: Option<PathBuf>,
    /// The project's own folder, `data/fashion-mnist`. It is left out if it has none of the files.
    pub project: PathBuf,
    /// The user's cache folder for the data. Missing files are downloaded into it.
    pub cache: Option<PathBuf>,
    /// The means of download. `None`: nothing is downloaded, and the built-in set is not used instead.
    pub download: Option<Download>,
    /// The way in which a source is read.
    pub reading: Reading,
}

impl Search {
    /// Returns the places that this process's environment gives.
    pub fn from_environment() -> Self {
        Self {
            environment: env::var_os("FASHION_MNIST_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from),
            project: PathBuf::from("data/fashion-mnist"),
            cache: etcetera::choose_base_strategy()
                .ok()
                .map(|strategy| strategy.cache_dir().join("selvedge").join("fashion-mnist")),
            download: Some(Download::default()),
            reading: Reading::default(),
        }
    }

    /// Loads the chosen data: a file, a folder or the word `builtin`. Without a choice, it loads the first data that it finds, or downloads
    /// it.
    ///
    /// If the files cannot be downloaded, the built-in set is used instead, with a [`notice`](Dataset::notice). If they cannot be stored, that
    /// is an error.
    ///
    /// # Errors
    ///
    /// [`DataError`] if a folder that was named, or that holds some of the files, does not hold sound data;
    /// [`DataError::Cache`] if a download cannot be stored; and [`DataError::NotHere`] if no place has the data and nothing is to be downloaded.
    pub fn load(&self, choice: Option<&Path>) -> Result<Dataset, DataError> {
        let from = |origin, folder: &Path| {
            self.check_options(&folder.display().to_string())?;
            files::read(origin, folder, self.reading.classes.as_deref())
        };
        match (choice, &self.environment) {
            (Some(word), _) if word == "builtin" => self.drawn(None),
            (Some(place), _) => source::read(place, &self.reading),
            (None, Some(folder)) => from("FASHION_MNIST_DIR", folder),
            (None, None) if locate::missing(&self.project).len() < locate::NAMES.len() => {
                from("the project's data folder", &self.project)
            }
            (None, None) => match self.cached() {
                Ok(folder) => from("the cache folder", folder),
                Err(_) if self.download.is_none() => {
                    let places = [Some(&self.project), self.cache.as_ref()].into_iter().flatten().cloned();
                    Err(DataError::NotHere { places: places.collect() })
                }
                Err(Some(error @ DownloadError::Storage { .. })) => Err(DataError::Cache(error)),
                Err(reason) => self.drawn(Some(format!(
                    "this is the built-in set of drawn garments, not Fashion-MNIST: {}. To use Fashion-MNIST, \
                     put its four files into {}, or name their folder with --data DIR or FASHION_MNIST_DIR.",
                    reason.map_or("there is no home folder to keep downloads in".into(), |error| error.to_string()),
                    self.project.display()
                ))),
            },
        }
    }

    /// Refuses options that need a named source.
    fn check_options(&self, place: &str) -> Result<(), DataError> {
        match self.reading.source.given().first() {
            Some(&(option, _)) => Err(DataError::Unnamed { option, place: place.into() }),
            None => Ok(()),
        }
    }

    /// Returns the built-in set, with the reason why it is used.
    fn drawn(&self, notice: Option<String>) -> Result<Dataset, DataError> {
        self.check_options("the built-in set")?;
        let mut classes = Classes::named(fashion_mnist::CLASS_NAMES).expect("each is a name");
        if let Some(given) = &self.reading.classes {
            let named = names::given(given)?;
            names::check_count(&named, "the built-in set", classes.count())?;
            classes = named.classes;
        }
        let splits = [builtin::train(), builtin::test()];
        Ok(Dataset { notice, ..Dataset::new("builtin", fashion_mnist::SHAPE, classes, splits) })
    }

    /// Returns the cache folder with all of the files in it. The error has the failed download, or nothing if there is no such folder.
    fn cached(&self) -> Result<&Path, Option<DownloadError>> {
        let folder = self.cache.as_ref().ok_or(None)?;
        let missing = locate::missing(folder);
        let Some(download) = &self.download else { return if missing.is_empty() { Ok(folder) } else { Err(None) } };
        let end = Instant::now() + download.time_limit;
        for name in missing {
            download.fetch(name, folder, end)?;
        }
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// Returns a search with all places below one folder. None of them is there, and there is no mirror.
    fn search(root: &TempDir) -> Search {
        Search {
            environment: None,
            project: root.path().join("project"),
            cache: Some(root.path().join("cache")),
            download: Some(Download { mirrors: Vec::new(), ..Download::default() }),
            reading: Reading::default(),
        }
    }

    fn fill(folder: &Path) {
        let files = files::tests::folder();
        fs::create_dir_all(folder).unwrap();
        for entry in fs::read_dir(files.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
    }

    #[test]
    fn places_come_in_their_order() {
        let root = tempfile::tempdir().unwrap();
        let mut search = search(&root);
        let places = ["cache", "project", "environment", "choice"].map(|name| root.path().join(name));
        for (index, place) in places.iter().enumerate() {
            fill(place);
            // A place of its own has labels of its own.
            let labels = place.join("train-labels-idx1-ubyte");
            let mut bytes = fs::read(&labels).unwrap();
            bytes[8] = index as u8;
            fs::write(labels, bytes).unwrap();
            if index == 2 {
                search.environment = Some(place.clone());
            }
            let data = search.load((index == 3).then_some(place)).unwrap();
            let name = place.file_name().unwrap().to_str().unwrap();
            assert_eq!((data.name.as_str(), data.train.labels()[0], &data.notice), (name, index as u16, &None));
            assert_eq!(data.checksum, data.train.checksum());
        }
    }

    #[test]
    fn a_named_folder_must_hold_the_data() {
        let root = tempfile::tempdir().unwrap();
        let mut search = search(&root);
        fill(&root.path().join("project"));
        let error = search.load(Some(&root.path().join("nowhere"))).unwrap_err();
        assert!(error.to_string().starts_with("--data: there is no folder "), "{error}");
        search.environment = Some(root.path().into());
        let error = search.load(None).unwrap_err();
        assert!(
            matches!(&error, DataError::Missing { origin: "FASHION_MNIST_DIR", missing, .. } if missing.len() == 4)
        );
    }

    #[test]
    fn a_project_folder_with_some_files_must_have_all() {
        let root = tempfile::tempdir().unwrap();
        let search = search(&root);
        fill(&search.project);
        fs::remove_file(search.project.join("train-labels-idx1-ubyte")).unwrap();
        assert!(matches!(search.load(None), Err(DataError::Missing { .. })));
    }

    #[cfg(feature = "download")]
    #[test]
    fn the_built_in_set_takes_the_place_and_says_so() {
        let root = tempfile::tempdir().unwrap();
        let mut search = search(&root);
        let data = search.load(None).unwrap();
        assert_eq!(data.name, "builtin");
        let notice = data.notice.unwrap();
        assert!(notice.contains("not Fashion-MNIST") && notice.contains("train-images-idx3-ubyte"), "{notice}");
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        search.cache = Some(file.join("below"));
        assert!(matches!(search.load(None), Err(DataError::Cache(_))));
        search.cache = None;
        assert!(search.load(None).unwrap().notice.unwrap().contains("no home folder"));
        let chosen = search.load(Some("builtin".as_ref())).unwrap();
        assert_eq!((chosen.notice, chosen.checksum), (None, data.checksum));
    }

    #[test]
    fn without_downloads_nothing_takes_the_place() {
        let root = tempfile::tempdir().unwrap();
        let search = Search { download: None, ..search(&root) };
        let error = search.load(None).unwrap_err();
        assert!(
            matches!(&error, DataError::NotHere { places } if places[..] == [root.path().join("project"), root.path().join("cache")])
        );
        assert!(error.to_string().ends_with("; name their folder by --data DIR or FASHION_MNIST_DIR"), "{error}");
        fill(&root.path().join("cache"));
        assert_eq!(search.load(None).unwrap().name, "cache");
    }
}
