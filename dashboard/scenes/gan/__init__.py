"""The GAN page's scenes: a forger and a detective, trained live and rewound."""
