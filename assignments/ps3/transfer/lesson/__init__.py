"""Given parts, trainings and figures of the lesson on transfer."""
