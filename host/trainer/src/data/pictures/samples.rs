//! Samples of pictures. All have one size and the same number of channels.

use std::{collections::BTreeMap, path::Path};

use options::commands::{Color, Missing, Size, Source};
use rayon::prelude::*;
use selvedge::architecture::MAX_WIDTH;

use super::{FolderError, folder::File};
use crate::picture::{self, PictureError, Plain};

/// The largest number of bytes of all samples.
const MOST: u64 = 1 << 32;
/// The number of pictures that are read before their samples are put together.
const TOGETHER: usize = 64;

/// The samples of all pictures.
pub struct Samples {
    /// The values of each sample: channels × rows × columns.
    pub values: Vec<u8>,
    /// The file of each sample.
    pub kept: Vec<usize>,
    pub size: Size,
    channels: u32,
    pub are_grey: bool,
}

/// The error of a picture or of the folder.
pub enum Problem {
    Folder(FolderError),
    Picture(PictureError),
}

impl From<FolderError> for Problem {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

impl Samples {
    /// Reads all pictures in their order. If no colour is chosen, all have three channels.
    pub fn read(files: &[File], options: &Source) -> Result<Self, Problem> {
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

    /// Keeps only the first of three channels, for grey pictures. It changes nothing if the samples already have `channels` channels.
    pub fn keep_channels(&mut self, channels: u32) {
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

/// Returns a picture's original size, whether it is grey, and its sample.
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
