//! A folder of pictures with a sub-folder for each class, as torchvision's ImageFolder has it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use options::commands::{Color, Missing, Size, Source};
use rayon::prelude::*;
use selvedge::{architecture::MAX_WIDTH, shape::InputShape};
use thiserror::Error;

use super::{DataError, Dataset, Gaps, Split, label_texts, labels, names};
use crate::picture::{self, PictureError, Plain};

/// The options that folders of pictures do not have.
pub const FOREIGN: [&str; 9] =
    ["task", "label", "labels", "test-labels", "features", "window", "stride", "group", "element"];

/// The endings of pictures' names.
const ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"];
/// The folders of the two parts, the first that is there for the test.
const TRAIN: &str = "train";
const TEST: [&str; 4] = ["test", "val", "valid", "validation"];
/// The folders below one another that are looked into.
const DEPTH: usize = 8;
/// The most bytes of all samples.
const MOST: u64 = 1 << 32;
/// The pictures that are read before their samples are put together.
const TOGETHER: usize = 64;

/// The error of a folder of pictures, without its name.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Pictures of several sizes, and no choice.
    #[error(
        "its pictures have several sizes ({sizes}); choose one that all are resized to by --size, such as --size 32x32"
    )]
    Sizes {
        /// Some of the sizes.
        sizes: String,
    },
    /// A picture has more values than a network takes.
    #[error(
        "a picture of {size} has {values} values, and a network takes at most {MAX_WIDTH}; take a smaller --size, such as --size 32x32"
    )]
    TooLarge {
        /// The size.
        size: Size,
        /// Columns × rows × channels.
        values: u64,
    },
    /// More memory than is taken.
    #[error("its {pictures} pictures take more memory than {}; take a smaller --size", most.map_or_else(|| "the system gives".into(), |most| format!("{} MB", most >> 20)))]
    Memory {
        /// The number of them.
        pictures: usize,
        /// The most bytes that are taken, where these are the limit.
        most: Option<u64>,
    },
    /// Pictures without classes.
    #[error("its pictures are in no sub-folder, and each class needs one: DIR/CLASS/picture.png")]
    Flat,
    /// Not two classes.
    #[error(
        "it has pictures in {found} sub-folder alone, and a network tells at least two classes apart: a sub-folder for each"
    )]
    OneClass {
        /// How many classes have a folder.
        found: usize,
    },
    /// No picture could be read.
    #[error("it has no picture that can be read")]
    Empty,
    /// The folder has two parts already.
    #[error("it has a part {test} already, so --test-split and --test have no place")]
    HasTest {
        /// The folder's name.
        test: String,
    },
    /// A folder's name is no class's.
    #[error("the sub-folder {folder}: {reason}")]
    Class {
        /// The sub-folder.
        folder: String,
        /// The reason.
        reason: String,
    },
    /// No two parts.
    #[error(
        "{samples} pictures cannot be parted into training and test samples; name test pictures by --test, or add more"
    )]
    NoTest {
        /// The number of them.
        samples: usize,
    },
    /// Bytes have no mean.
    #[error("--missing mean is for tables; --missing drop leaves out pictures that cannot be read")]
    Mean,
}

/// Tells whether a folder has pictures in sub-folders.
pub fn is_one(folder: &Path) -> bool {
    let has_pictures = |folder: &Path| {
        folders(folder).unwrap_or_default().iter().any(|below| {
            fs::read_dir(below)
                .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| is_picture(&entry.path()))))
        })
    };
    has_pictures(folder) || folders(folder).unwrap_or_default().iter().any(|below| has_pictures(below))
}

/// Tells whether a folder has pictures, and none of the four IDX files.
pub fn is_flat(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| is_picture(&entry.path())) && !super::locate::holds_any(folder)
}

/// Reads all pictures, of which each is a sample of its folder's class.
///
/// # Errors
///
/// [`DataError`], with the folder's or the picture's name.
pub fn read(place: &Path, options: &Source, classes: Option<&Path>, has_network: bool) -> Result<Dataset, DataError> {
    let wrong = |error| DataError::Pictures { folder: place.into(), error };
    if options.missing == Some(Missing::Mean) {
        return Err(wrong(FolderError::Mean));
    }
    let given = classes.map(names::given).transpose()?;
    let [train, own_test] = parts(place)?;
    if let Some(test) = own_test.as_ref().filter(|_| options.test_split.is_some() || options.test.is_some()) {
        let test = test.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(wrong(FolderError::HasTest { test }));
    }
    let other_test = options.test.as_ref().map(|test| match parts(test)? {
        [_, Some(test)] => Ok(test),
        [Some(_), None] | [None, None] => Ok::<_, DataError>(test.clone()),
    });
    let test = own_test.map(Ok).or(other_test).transpose()?;
    let roots = [Some(train.unwrap_or_else(|| place.into())), test];

    let mut files = Vec::new();
    for (part, root) in roots.iter().enumerate() {
        for class in folders(root.as_deref().unwrap_or(Path::new(""))).unwrap_or_default() {
            let name = class.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let mut pictures = Vec::new();
            collect(&class, DEPTH, &mut pictures).map_err(|error| DataError::Unreadable { path: class, error })?;
            files.extend(pictures.into_iter().map(|path| File { path, class: name.clone(), part }));
        }
    }
    let mut texts: Vec<&str> = files.iter().map(|file| file.class.as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    if texts.len() < 2 && !has_network {
        return Err(wrong(FolderError::OneClass { found: texts.len() }));
    }
    let (classes, map) = label_texts::classes(&texts, given.as_ref()).map_err(|(label, reason)| {
        wrong(FolderError::Class { folder: texts.get(label).copied().unwrap_or_default().into(), reason })
    })?;
    let label_of = |file: &File| texts.binary_search(&file.class.as_str()).map_or(0, |place| map[place]);

    let mut samples = Samples::read(&files, options).map_err(|error| match error {
        Problem::Folder(error) => wrong(error),
        Problem::Picture(error) => DataError::Picture { error },
    })?;
    let channels = options.color.unwrap_or(if samples.are_grey { Color::Grey } else { Color::Rgb }).channels();
    samples.keep_channels(channels);
    let Samples { values, kept, size: Size { width, height }, .. } = samples;
    let input = InputShape::Image { channels, height, width };
    let labels: Vec<u16> = kept.iter().map(|&file| label_of(&files[file])).collect();
    let all = Split::new(input.features(), values, labels);
    let of_part = |part: usize| -> Vec<u32> {
        (0..).zip(&kept).filter(|&(_, &file)| files[file].part == part).map(|(index, _)| index).collect()
    };
    let (training, testing) = match &roots[1] {
        Some(_) => (of_part(0), of_part(1)),
        None => options.test_split.unwrap_or_default().partition(&all.strata(), None),
    };
    if training.is_empty() || testing.is_empty() {
        return Err(wrong(FolderError::NoTest { samples: all.len() }));
    }
    let splits = [all.chosen(&training), all.chosen(&testing)];
    let dropped = files.len() - kept.len();
    let data = Dataset::new(&names::of_data(place, ""), input, classes, splits);
    let mut notes = Vec::new();
    match dropped {
        0 => {}
        1 => notes.push("1 picture that cannot be read is left out".into()),
        _ => notes.push(format!("{dropped} pictures that cannot be read are left out")),
    }
    notes.extend(labels::without_samples(&data));
    let is_parted = roots[1].is_none();
    Ok(Dataset { labels_are_names: given.is_none(), gaps: Gaps { dropped, filled: 0 }, is_parted, notes, ..data })
}

/// The folders of the training and of the test part, where a folder has them.
fn parts(place: &Path) -> Result<[Option<PathBuf>; 2], DataError> {
    let below = folders(place).map_err(|error| DataError::Unreadable { path: place.into(), error })?;
    let named = |name: &str| {
        let is_named = |folder: &&PathBuf| folder.file_name().is_some_and(|own| own.eq_ignore_ascii_case(name));
        below.iter().find(is_named).filter(|folder| folders(folder).is_ok_and(|classes| !classes.is_empty()))
    };
    let train = named(TRAIN);
    let test = train.and_then(|_| TEST.iter().find_map(|name| named(name)));
    Ok([train.cloned(), test.cloned()])
}

/// A picture's file.
struct File {
    path: PathBuf,
    /// Its class, by its folder.
    class: String,
    /// 0 for training, 1 for test.
    part: usize,
}

/// The folders in a folder, sorted, without hidden ones.
fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = entries(folder)?;
    all.retain(|path| path.is_dir());
    Ok(all)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            all.push(entry.path());
        }
    }
    all.sort();
    Ok(all)
}

/// All pictures in a folder and below it.
fn collect(folder: &Path, depth: usize, pictures: &mut Vec<PathBuf>) -> io::Result<()> {
    for path in entries(folder)? {
        if path.is_dir() {
            if depth > 1 {
                collect(&path, depth - 1, pictures)?;
            }
        } else if is_picture(&path) {
            pictures.push(path);
        }
    }
    Ok(())
}

fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// The samples of all pictures.
struct Samples {
    /// Channels × rows × columns of each.
    values: Vec<u8>,
    /// The file of each.
    kept: Vec<usize>,
    size: Size,
    channels: u32,
    are_grey: bool,
}

/// A picture or the folder is wrong.
enum Problem {
    Folder(FolderError),
    Picture(PictureError),
}

impl From<FolderError> for Problem {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

impl Samples {
    /// Reads all pictures in their order. Where no colour is chosen, all have three channels.
    fn read(files: &[File], options: &Source) -> Result<Self, Problem> {
        let channels = options.color.unwrap_or(Color::Rgb).channels();
        let mut samples =
            Self { values: Vec::new(), kept: Vec::new(), size: Size { width: 0, height: 0 }, channels, are_grey: true };
        let mut size = options.size;
        let mut sizes = BTreeMap::<Size, usize>::new();
        for (start, chunk) in (0..).step_by(TOGETHER).zip(files.chunks(TOGETHER)) {
            if size.is_none() {
                // The first that can be read decides, unless another differs.
                let first = chunk.iter().find_map(|file| picture::read_plain(&file.path).ok());
                size = first.map(|picture| own_size(&picture));
            }
            let read: Vec<_> = chunk.par_iter().map(|file| one(&file.path, size, channels)).collect();
            for (file, sample) in (start..).zip(read) {
                let (own, is_grey, values) = match sample {
                    Ok(sample) => sample,
                    Err(Problem::Picture(error)) if options.missing != Some(Missing::Drop) => {
                        return Err(Problem::Picture(error));
                    }
                    Err(Problem::Picture(error @ PictureError::Absent { .. })) => return Err(Problem::Picture(error)),
                    Err(Problem::Picture(_)) => continue,
                    Err(error) => return Err(error),
                };
                *sizes.entry(own).or_default() += 1;
                samples.are_grey &= is_grey;
                if options.size.is_none() && sizes.len() > 1 {
                    continue;
                }
                let most = (values.len() as u64 * files.len() as u64 > MOST).then_some(MOST);
                if most.is_some() || samples.values.try_reserve(values.len()).is_err() {
                    return Err(FolderError::Memory { pictures: files.len(), most }.into());
                }
                samples.values.extend(values);
                samples.kept.push(file);
            }
            if options.size.is_none() && sizes.len() > 1 {
                let shown: Vec<_> = sizes.keys().take(5).map(Size::to_string).collect();
                return Err(FolderError::Sizes { sizes: format!("{}, …", shown.join(", ")) }.into());
            }
        }
        samples.size = size.ok_or(FolderError::Empty)?;
        if samples.kept.is_empty() {
            return Err(FolderError::Empty.into());
        }
        Ok(samples)
    }

    /// Keeps the first of three channels alone, of grey pictures.
    fn keep_channels(&mut self, channels: u32) {
        if channels == self.channels {
            return;
        }
        let plane = self.size.width as usize * self.size.height as usize;
        let len = self.channels as usize * plane;
        for sample in 0..self.kept.len() {
            self.values.copy_within(sample * len..sample * len + plane, sample * plane);
        }
        self.values.truncate(self.kept.len() * plane);
        self.channels = channels;
    }
}

fn own_size(picture: &Plain) -> Size {
    let (width, height) = picture.size();
    Size { width, height }
}

/// A picture's own size, whether it is grey, and its sample.
fn one(path: &Path, size: Option<Size>, channels: u32) -> Result<(Size, bool, Vec<u8>), Problem> {
    let picture = picture::read_plain(path).map_err(Problem::Picture)?;
    let (own, is_grey) = (own_size(&picture), picture.is_grey());
    let size = size.unwrap_or(own);
    let pixels = u64::from(size.width) * u64::from(size.height);
    let values = pixels * if is_grey { 1 } else { u64::from(channels) };
    if values > u64::from(MAX_WIDTH) {
        return Err(FolderError::TooLarge { size, values }.into());
    }
    Ok((own, is_grey, picture.fit((size.width, size.height), channels)))
}

#[cfg(feature = "pictures")]
#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    /// A folder of grey pictures of two classes.
    fn folder(parts: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for part in parts {
            for (class, shade) in [("dark", 20), ("light", 220)] {
                let below = folder.path().join(part).join(class);
                fs::create_dir_all(&below).unwrap();
                for number in 0..5 {
                    let picture = GrayImage::from_pixel(6, 4, Luma([shade + number]));
                    picture.save(below.join(format!("{number}.png"))).unwrap();
                }
            }
        }
        folder
    }

    fn load(folder: &tempfile::TempDir, options: &Source) -> Result<Dataset, String> {
        let root = format!("{}", folder.path().display());
        read(folder.path(), options, None, false).map_err(|error| error.to_string().replace(&root, "FOLDER"))
    }

    #[test]
    fn folders_are_classes_and_parts() {
        let flat = folder(&[""]);
        assert!(is_one(flat.path()));
        let data = load(&flat, &Source::default()).unwrap();
        assert_eq!(data.input, InputShape::Image { channels: 1, height: 4, width: 6 });
        assert_eq!(data.classes.all().collect::<Vec<_>>(), ["dark", "light"]);
        assert_eq!((data.train.len(), data.test.len()), (8, 2));
        for split in [&data.train, &data.test] {
            assert!(split.samples().zip(split.labels()).all(|(sample, &label)| (sample[0] > 100) == (label == 1)));
        }
        for test in TEST {
            let parted = folder(&[TRAIN, test]);
            assert!(is_one(parted.path()));
            let data = load(&parted, &Source::default()).unwrap();
            assert_eq!((data.train.len(), data.test.len()), (10, 10));
            let error =
                load(&parted, &Source { test_split: Some(Default::default()), ..Source::default() }).unwrap_err();
            assert!(error.contains(&format!("it has a part {test} already")), "{error}");
        }
        let other = folder(&[""]);
        let options = Source { test: Some(other.path().into()), ..Source::default() };
        let data = load(&flat, &options).unwrap();
        assert_eq!((data.train.len(), data.test.len()), (10, 10));
    }

    #[test]
    fn sizes_and_colours_are_chosen_or_must_agree() {
        let folder = folder(&[""]);
        let picture = folder.path().join("dark/below");
        fs::create_dir(&picture).unwrap();
        RgbImage::from_fn(6, 4, |x, _| Rgb([x as u8, 90, 200])).save(picture.join("9.JPG")).unwrap();
        let data = load(&folder, &Source::default()).unwrap();
        assert_eq!(data.input, InputShape::Image { channels: 3, height: 4, width: 6 });
        RgbImage::new(5, 5).save(picture.join("8.png")).unwrap();
        let error = load(&folder, &Source::default()).unwrap_err();
        assert!(error.starts_with("FOLDER: its pictures have several sizes (5x5, 6x4, …); choose one"), "{error}");
        let size = Some(Size { width: 3, height: 2 });
        let data = load(&folder, &Source { size, color: Some(Color::Grey), ..Source::default() }).unwrap();
        assert_eq!(
            (data.input, data.train.len() + data.test.len()),
            (InputShape::Image { channels: 1, height: 2, width: 3 }, 12)
        );
        let size = Some(Size { width: 400, height: 200 });
        let error = load(&folder, &Source { size, ..Source::default() }).unwrap_err();
        assert!(error.contains("a picture of 400x200 has "), "{error}");
    }

    #[test]
    fn what_is_no_picture_is_an_error_or_left_out() {
        let folder = folder(&[""]);
        fs::write(folder.path().join("dark/a.png"), "no picture").unwrap();
        fs::write(folder.path().join("dark/readme.txt"), "text").unwrap();
        let error = load(&folder, &Source::default()).unwrap_err();
        assert!(error.starts_with("FOLDER/dark/a.png "), "{error}");
        let data = load(&folder, &Source { missing: Some(Missing::Drop), ..Source::default() }).unwrap();
        assert_eq!((data.gaps.dropped, &data.notes[0][..]), (1, "1 picture that cannot be read is left out"));
        let error = load(&folder, &Source { missing: Some(Missing::Mean), ..Source::default() }).unwrap_err();
        assert!(error.contains("--missing mean is for tables"), "{error}");
        fs::remove_dir_all(folder.path().join("dark")).unwrap();
        assert!(load(&folder, &Source::default()).unwrap_err().contains("at least two classes"));
    }
}
