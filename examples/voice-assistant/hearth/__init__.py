"""What the services of the Hearth voice assistant share."""
