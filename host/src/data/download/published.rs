//! What is published, and where.

/// A published file.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    /// Its name, without `.gz`.
    pub name: &'static str,
    /// Its length as published, gzipped.
    pub bytes: u64,
    /// Its MD5 as published.
    pub md5: [u8; 16],
}

/// Fashion-MNIST's four files, with the sums of its own [README](https://github.com/zalandoresearch/fashion-mnist).
pub const PUBLISHED: [Published; 4] = [
    Published {
        name: "train-images-idx3-ubyte",
        bytes: 26_421_880,
        md5: 0x8d4f_b7e6_c68d_591d_4c3d_fef9_ec88_bf0d_u128.to_be_bytes(),
    },
    Published {
        name: "train-labels-idx1-ubyte",
        bytes: 29_515,
        md5: 0x25c8_1989_df18_3df0_1b3e_8a0a_ad5d_ffbe_u128.to_be_bytes(),
    },
    Published {
        name: "t10k-images-idx3-ubyte",
        bytes: 4_422_102,
        md5: 0xbef4_ecab_320f_06d8_554e_a638_0940_ec79_u128.to_be_bytes(),
    },
    Published {
        name: "t10k-labels-idx1-ubyte",
        bytes: 5_148,
        md5: 0xbb30_0cfd_ad3c_16e7_a12a_480e_e83c_d310_u128.to_be_bytes(),
    },
];

/// The published address, and two that hold the same files.
pub const MIRRORS: [&str; 3] = [
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
];
