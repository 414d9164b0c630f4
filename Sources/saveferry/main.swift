print("saveferry")
