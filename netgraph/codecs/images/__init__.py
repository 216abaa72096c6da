"""Images, volumes and videos to arrays and back."""
