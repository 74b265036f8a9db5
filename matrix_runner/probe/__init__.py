"""What each image holds: asked once, remembered by the image's id."""
