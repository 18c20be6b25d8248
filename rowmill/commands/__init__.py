"""What the commands of both faces do, by an engine that the face chose; none is named here."""
