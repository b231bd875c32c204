"""Where blobs lie: adapters of the Storage port."""
