"""What has to be at hand before a host exists: the packages that the roles want, for whoever stages a mirror."""
