//! The published files, and their addresses.

/// A published file.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    /// The file's name, without `.gz`.
    pub name: &'static str,
    /// The length of the published file, gzipped, in bytes.
    pub bytes: u64,
    /// SHA-256 of the gzipped file, in hexadecimal digits.
    pub sha256: &'static str,
}

/// Fashion-MNIST's four files, with the SHA-256 of the files whose MD5 the [README](https://github.com/zalandoresearch/fashion-mnist) states.
pub const PUBLISHED: [Published; 4] = [
    Published {
        name: "train-images-idx3-ubyte",
        bytes: 26_421_880,
        sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    },
    Published {
        name: "train-labels-idx1-ubyte",
        bytes: 29_515,
        sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    },
    Published {
        name: "t10k-images-idx3-ubyte",
        bytes: 4_422_102,
        sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    },
    Published {
        name: "t10k-labels-idx1-ubyte",
        bytes: 5_148,
        sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
];

/// The published address, and two that hold the same files.
pub const MIRRORS: [&str; 3] = [
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
];
