"""The same job as others would write it: one file a peer, each as a good user of that library would have it."""
