"""Why memory stays plugged, and what would become of a target: asked of copies, so that the guest does not notice."""
