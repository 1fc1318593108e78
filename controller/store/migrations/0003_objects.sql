CREATE TABLE objects_folder (
	known SMALLINT NOT NULL
);
