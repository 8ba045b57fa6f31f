//! Folders of pictures as data, and those that are refused.

use std::fs;

use image::{GrayImage, Luma, Rgb, RgbImage};

use super::{
    folder::{TEST, TRAIN},
    *,
};

/// Returns a folder of grey pictures of two classes.
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
        let error = load(&parted, &Source { test_split: Some(Default::default()), ..Source::default() }).unwrap_err();
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
