"""Cloud Storage over a plain folder: what a bucket is, where it lies, and the JSON routes that Google's client uses."""
